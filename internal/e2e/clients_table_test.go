//go:build linux

package e2e

import "strings"

// A client is a program that reaches sshd through knockpipe.
type client struct {
	name        string
	packages    string // Debian's; the first one's version counts; empty if Debian has none
	connections int    // at sshd
	orFewer     bool   // how many there are is up to chance, but one at least
	small       bool   // it runs in `make test`
	early       int    // connections at sshd that do not log in, by the client's own will
	fails       string // why it cannot work; empty if it must
	script      string // for bash, in a folder that client and server share: 0 if all went right
}

// clientPrelude is what scripts have in common. In the folder, $D, there is a file,
// data.
const clientPrelude = `set -euo pipefail
hello() { test "$("$@" | tr -d '\r')" = hello; }
# through starts a listener on port 2222 and goes through it.
through() {
	"$@" & listener=$!
	until ss -Hltn 'sport = :2222' | grep -q .; do sleep 0.05; done
	hello ssh -o ProxyCommand=none -o HostName=127.0.0.1 -p 2222 tango echo hello
	kill $listener
	wait $listener || true
}
# What reads no config: the host's key by its name, and the user's in PuTTY's format.
putty() {
	hostkey=$(ssh-keygen -lf ~/.ssh/known_hosts | cut -d' ' -f2)
	puttygen ~/.ssh/id_ed25519 -O private -o key.ppk
	options=(-batch -hostkey "$hostkey" -i key.ppk -proxycmd 'knockpipe %host %port')
}
folder() { mkdir -p "$1"; for i in 1 2 3 4 5 6; do cp data "$1/$i"; done; }
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
`

const ansible = `printf 'web%d\n' $(seq 12) >hosts
export ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_FORKS=12 ANSIBLE_PIPELINING=1 ANSIBLE_TIMEOUT=60
ansible all -i hosts -e ansible_python_interpreter=/usr/bin/python3 -m shell -a 'echo hello' >out || true
test "$(grep -cx hello out)" = 12 || { cat out; exit 1; }
`

var clients = []client{
	{name: "ssh", packages: "openssh-client", connections: 1, small: true, script: `hello ssh tango echo hello`},
	{name: "ssh -W", packages: "openssh-client socat", connections: 2, script: `
ssh tango "setsid socat TCP-LISTEN:7777,bind=127.0.0.1,fork SYSTEM:'echo hello' >/dev/null 2>&1 </dev/null &
	until ss -Hltn 'sport = :7777' | grep -q .; do sleep 0.05; done"
hello ssh -W 127.0.0.1:7777 tango </dev/null`},
	{name: "ssh -J", packages: "openssh-client", connections: 2, script: `hello ssh -J tango web1 echo hello`},
	{name: "ssh -f -N -L", packages: "openssh-client", connections: 2, script: `
s=$(mktemp -d /tmp/kpXXXX); trap 'rm -rf $s' EXIT
ssh -fNM -S $s/s -L 127.0.0.1:2222:127.0.0.1:22 tango </dev/null >/dev/null 2>&1
hello ssh -o ProxyCommand=none -o HostName=127.0.0.1 -p 2222 tango echo hello
ssh -q -S $s/s -O exit tango`},
	{name: "ssh with ControlMaster", packages: "openssh-client", connections: 1, script: `
s=$(mktemp -d /tmp/kpXXXX); trap 'rm -rf $s' EXIT
ssh -S $s/s -fNM tango </dev/null >/dev/null 2>&1
for i in 1 2 3; do hello ssh -S $s/s tango echo hello; done
ssh -q -S $s/s -O exit tango`},
	{name: "ssh with ProxyUseFdpass", packages: "openssh-client", connections: 1, script: `
hello ssh -o ProxyUseFdpass=yes -o 'ProxyCommand=knockpipe -F %h %p' tango echo hello`},
	{name: "three ssh at once, as VS Code has them", packages: "openssh-client", connections: 3, script: `
for i in 1 2 3; do echo 'echo hello' | ssh -T -D 127.0.0.1:1900$i tango bash -s >out$i & jobs[$i]=$!; done
for i in 1 2 3; do wait ${jobs[$i]}; hello cat out$i; done`},
	{name: "scp", packages: "openssh-client", connections: 2, script: `
scp -q data tango:$D/up; scp -q tango:$D/up down; cmp data down`},
	{name: "scp -O", packages: "openssh-client", connections: 1, script: `scp -qO data tango:$D/up; cmp data up`},
	{name: "scp -3", packages: "openssh-client", connections: 2, script: `scp -q3 web1:$D/data web2:$D/up; cmp data up`},
	{name: "sftp", packages: "openssh-client", connections: 1, script: `echo "put data $D/up" | sftp -q -b - tango >/dev/null; cmp data up`},
	{name: "sftp, 20 at once", packages: "openssh-client", connections: 20, script: `
for i in $(seq 20); do echo "get $D/data down$i" | sftp -q -b - tango >/dev/null & jobs[$i]=$!; done
for i in $(seq 20); do wait ${jobs[$i]}; cmp data down$i; done`},
	{name: "ssh-copy-id", packages: "openssh-client", connections: 2, early: 1, // it asks who sshd is first
		script: `
ssh-keygen -q -t ed25519 -N '' -f new; ssh-copy-id -f -i new.pub tango >/dev/null 2>&1`},
	{name: "ssh-keyscan", packages: "openssh-client", fails: "it has no ProxyCommand", script: `ssh-keyscan -T 2 tango | grep .`},
	{name: "rsync", packages: "rsync", connections: 1, script: `rsync data tango:$D/up; cmp data up`},
	{name: "git with 8 submodules, 8 at once", packages: "git", connections: 9, script: `
for i in 0 1 2 3 4 5 6 7 8; do git init -q -b main r$i; git -C r$i commit -q --allow-empty -m $i; done
for i in 1 2 3 4 5 6 7 8; do git -C r0 -c protocol.file.allow=always submodule --quiet add $D/r$i; done
sed -i "s|url = $D|url = tango:$D|" r0/.gitmodules; git -C r0 commit -q -a -m all
git clone -q --recurse-submodules --jobs 8 tango:$D/r0 clone; test -e clone/r8/.git`},
	{name: "git-annex", packages: "git-annex", connections: 20, orFewer: true, script: `
for r in a b; do git init -q -b main $r; git -C $r annex init -q $r; git -C $r commit -q --allow-empty -m x; done
cd a; cp ../data .; git annex add -q data >/dev/null; git commit -q -m data
git remote add there tango:$D/b; git -c annex.sshcaching=false annex copy -q --to there data
find ../b/.git/annex/objects -type f | grep -q .`},
	{name: "Mercurial", packages: "mercurial", connections: 1, script: `
hg init r; cp data r; hg -R r commit -q -A -m x -u a; hg clone -q ssh://tango/$D/r clone; cmp data clone/data`},
	{name: "Subversion", packages: "subversion", connections: 3, orFewer: true, script: `
svnadmin create r; svn import -q -m x data svn+ssh://tango$D/r/data; svn -q checkout svn+ssh://tango$D/r co; cmp data co/data`},
	{name: "unison", packages: "unison", connections: 1, script: `
folder a; mkdir b; unison -batch -auto -silent a ssh://tango/$D/b; cmp data b/6`},
	{name: "rdiff-backup", packages: "rdiff-backup", connections: 1, script: `folder a; rdiff-backup a tango::$D/b; cmp data b/6`},
	{name: "bup", packages: "bup", connections: 3, orFewer: true, script: `
folder a; bup init -r tango:$D/repo >/dev/null; bup index a; bup save -q -r tango:$D/repo -n x a; BUP_DIR=repo bup ls x/latest | grep -q .`},
	{name: "borg", packages: "borgbackup", connections: 2, script: `
export BORG_RELOCATED_REPO_ACCESS_IS_OK=yes; folder a; borg init -e none ssh://tango$D/repo; borg create ssh://tango$D/repo::one a`},
	{name: "restic", packages: "restic", connections: 3, orFewer: true, script: `
export RESTIC_PASSWORD=x; folder a; restic -q -r sftp:tango:$D/repo init; restic -q -r sftp:tango:$D/repo backup a`},
	{name: "rsnapshot", packages: "rsnapshot", connections: 1, script: `
folder a
printf '%s\t%s\n' config_version 1.2 snapshot_root $D/shots/ cmd_rsync /usr/bin/rsync cmd_ssh /usr/bin/ssh lockfile $D/lock >conf
printf '%s\t%s\t%s\n' retain alpha 2 backup tango:$D/a/ there/ >>conf
rsnapshot -c conf alpha; test -n "$(find shots -name 6)"`},
	{name: "duplicity over rsync", packages: "duplicity", connections: 10, orFewer: true, script: `
folder a; mkdir b; export TMPDIR=$D; duplicity --no-encryption a rsync://tango/$D/b >log 2>&1 || { cat log; exit 1; }
duplicity --no-encryption rsync://tango/$D/b c >log 2>&1 || { cat log; exit 1; }; cmp data c/6`},
	{name: "duplicity over paramiko", packages: "duplicity python3-paramiko", fails: "it ignores ProxyCommand", script: `
folder a; timeout 10 duplicity --num-retries 1 --no-encryption a paramiko+sftp://tango/$D/b`},
	{name: "rclone", packages: "rclone", fails: "it ignores ssh's config", script: `
timeout 10 rclone --contimeout 3s --retries 1 --low-level-retries 1 --sftp-host tango --sftp-user root --sftp-key-file ~/.ssh/id_ed25519 lsf :sftp:$D`},
	{name: "curl sftp://", packages: "curl", fails: "it ignores ssh's config", script: `
curl -s --connect-timeout 3 -k --key ~/.ssh/id_ed25519 -u root: sftp://tango$D/data`},
	{name: "sshfs", packages: "sshfs", connections: 1, script: `
mkdir m; sshfs tango:$D m; cmp data m/data; fusermount3 -u m || fusermount -u m`},
	{name: "lftp sftp", packages: "lftp", connections: 1, script: `lftp -c "open sftp://root:x@tango; get $D/data -o down"; cmp data down`},
	{name: "lftp fish", packages: "lftp", connections: 1, script: `lftp -c "open fish://tango; get $D/data -o down"; cmp data down`},
	{name: "lftp mirror -P 6", packages: "lftp", connections: 7, orFewer: true, script: `
folder a; lftp -c "open sftp://root:x@tango; mirror -P 6 $D/a b"; cmp data b/6`},
	{name: "gvfs", packages: "gvfs-backends dbus-daemon libglib2.0-bin", connections: 2, orFewer: true, script: `
dbus-run-session -- sh -c 'gio mount sftp://tango/ && gio cat sftp://tango$D/data >down; gio mount -u sftp://tango/'; cmp data down`},
	{name: "Emacs TRAMP", packages: "emacs-nox", connections: 1, script: `
emacs --batch --eval '(progn (require (quote tramp)) (setq tramp-use-ssh-controlmaster-options nil)
  (copy-file (concat "/ssh:tango:" (getenv "D") "/data") (concat (getenv "D") "/down")) (tramp-cleanup-all-connections))' >/dev/null 2>&1
cmp data down`},
	{name: "Vim netrw", packages: "vim-nox", connections: 1, script: `
vim -N -u NONE -es -c 'runtime plugin/netrwPlugin.vim' -c "edit scp://tango/$D/data" -c "write! $D/down" -c quit </dev/null >/dev/null || true
cmp data down`},
	{name: "Docker", packages: "docker.io python3", connections: 3, script: `
cat >engine.py <<'END'
import http.server, socketserver
class Engine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"Version": "hello", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}'
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_HEAD = do_GET
    def address_string(self):
        return ""
print("engine", flush=True)
socketserver.ThreadingUnixStreamServer("/run/docker.sock", Engine).serve_forever()
END
ssh tango "/usr/bin/python3 $D/engine.py >$D/log 2>&1 </dev/null & until test -S /run/docker.sock; do sleep 0.05; done"
hello docker -H ssh://tango version -f '{{.Server.Version}}'`},
	{name: "sshuttle", packages: "sshuttle socat nftables", connections: 2, script: `
ssh tango "ip address add 10.9.9.9/32 dev lo; setsid socat TCP-LISTEN:7777,bind=10.9.9.9,fork SYSTEM:'echo hello' >/dev/null 2>&1 </dev/null &"
ip route add 10.9.9.9/32 via 198.51.100.2
sshuttle --method nft -r tango 10.9.9.9/32 >log 2>&1 & pid=$!
until grep -qi connected log; do kill -0 $pid; sleep 0.1; done
hello socat -u TCP:10.9.9.9:7777 -; kill $pid; wait $pid || true`},
	{name: "mosh --experimental-remote-ip=remote", packages: "mosh", connections: 1, script: `
TERM=xterm script -qec "stty rows 24 cols 80; mosh --experimental-remote-ip=remote tango -- sh -c 'echo hello >$D/out'" /dev/null >/dev/null </dev/null; hello cat out`},
	{name: "mosh", packages: "mosh", fails: "it replaces the ProxyCommand with its own", script: `
TERM=xterm timeout 10 script -qec "stty rows 24 cols 80; mosh --ssh='ssh -o ConnectTimeout=3' tango -- sh -c 'echo hello >$D/out'" /dev/null >/dev/null </dev/null; hello cat out`},
	{name: "autossh", packages: "autossh", connections: 1, script: `AUTOSSH_GATETIME=0 hello autossh -M 0 tango echo hello`},
	{name: "sshpass", packages: "sshpass", connections: 1, script: `hello sshpass -p x ssh tango echo hello`},
	{name: "pssh", packages: "pssh", connections: 3, script: `test "$(parallel-ssh -H 'web1 web2 web3' -i echo hello | grep -cx hello)" = 3`},
	{name: "pdsh", packages: "pdsh", connections: 3, script: `test "$(pdsh -R ssh -w 'web[1-3]' echo hello | grep -c hello)" = 3`},
	{name: "clush", packages: "clustershell", connections: 3, script: `test "$(clush -w 'web[1-3]' echo hello | grep -c hello)" = 3`},
	{name: "mussh", packages: "mussh", connections: 3, script: `test "$(mussh -m 3 -h web1 web2 web3 -c 'echo hello' | grep -c hello)" = 3`},
	{name: "dsh", packages: "dsh", connections: 3, script: `test "$(dsh -c -r ssh -m web1 -m web2 -m web3 -- echo hello | grep -c hello)" = 3`},
	{name: "TakTuk", packages: "taktuk", connections: 3, script: `
test "$(taktuk -s -d -1 -c ssh -o status -o state -o output='"$line\n"' -m web1 -m web2 -m web3 broadcast exec [ echo hello ] | grep -cx hello)" = 3`},
	{name: "GNU parallel", packages: "parallel", connections: 10, orFewer: true, script: `
test "$(parallel --will-cite -S 1/web1,1/web2 'echo hello {}' ::: 1 2 | grep -c hello)" = 2`},
	{name: "Ansible, 12 hosts", packages: "ansible-core", connections: 12, script: `
export ANSIBLE_SSH_ARGS='-o ControlMaster=no'
` + ansible},
	{name: "Ansible, 12 hosts, ControlPersist", packages: "ansible-core", connections: 12, script: `
export ANSIBLE_SSH_ARGS='-o ControlMaster=auto -o ControlPersist=4s'
export ANSIBLE_SSH_CONTROL_PATH_DIR=$(mktemp -d /tmp/kpXXXX); trap 'rm -rf $ANSIBLE_SSH_CONTROL_PATH_DIR' EXIT
` + ansible + `sleep 5`},
	{name: "Ansible, 12 hosts, Mitogen", packages: "ansible-mitogen", connections: 12, script: `
export ANSIBLE_STRATEGY=mitogen_linear
` + ansible},
	{name: "Ansible, 12 hosts, paramiko_ssh", packages: "ansible-core python3-paramiko", connections: 12, script: `
export ANSIBLE_TRANSPORT=paramiko ANSIBLE_REMOTE_USER=root ANSIBLE_PRIVATE_KEY_FILE=~/.ssh/id_ed25519
export ANSIBLE_PARAMIKO_PROXY_COMMAND='knockpipe %h %p'
` + strings.Replace(ansible, `'web%d\n' $(seq 12)`, `'web%d ansible_host=198.51.100.%d\n' $(for i in $(seq 12); do echo $i $((100 + i)); done)`, 1)},
	{name: "asyncssh", packages: "python3-asyncssh", connections: 1, script: `
hello python3 -c '
import asyncio, asyncssh
async def main():
    async with asyncssh.connect("tango") as c:
        print((await c.run("echo hello")).stdout, end="")
asyncio.run(main())'`},
	{name: "paramiko", packages: "python3-paramiko", connections: 1, small: true, script: `
hello python3 -W ignore -c '
import os, paramiko
o = paramiko.SSHConfig.from_path(os.path.expanduser("~/.ssh/config")).lookup("tango")
c = paramiko.SSHClient()
c.load_system_host_keys()
c.connect(o["hostname"], username=o["user"], key_filename=o["identityfile"], sock=paramiko.ProxyCommand(o["proxycommand"]))
print(c.exec_command("echo hello")[1].read().decode(), end="")
c.close()'`},
	{name: "Fabric", packages: "python3-fabric", connections: 1, script: `
hello python3 -W ignore -c '
import fabric
with fabric.Connection("tango") as c:
    print(c.run("echo hello", hide=True).stdout, end="")'`},
	{name: "Net::SSH", packages: "ruby-net-ssh ruby-ed25519 ruby-bcrypt-pbkdf", connections: 1, small: true, script: `
hello ruby -W0 -r net/ssh -e 'Net::SSH.start("tango", nil) { |s| print s.exec!("echo hello") }'`},
	{name: "Net::SCP", packages: "ruby-net-scp ruby-ed25519 ruby-bcrypt-pbkdf", connections: 1, script: `
ruby -W0 -r net/scp -e 'Net::SCP.start("tango", nil) { |s| s.download!(ENV["D"] + "/data", "down") }'; cmp data down`},
	{name: "Net::SFTP", packages: "ruby-net-sftp ruby-ed25519 ruby-bcrypt-pbkdf", connections: 1, script: `
ruby -W0 -r net/sftp -e 'Net::SFTP.start("tango", nil) { |s| s.download!(ENV["D"] + "/data", "down") }'; cmp data down`},
	{name: "libssh", packages: "libssh-4 libssh-dev gcc", connections: 1, small: true, script: `
cat >c.c <<'END'
#include <libssh/libssh.h>
#include <stdio.h>
int main(void) {
	ssh_session s = ssh_new();
	char b[64];
	int n;
	if (ssh_options_set(s, SSH_OPTIONS_HOST, "tango") || ssh_options_parse_config(s, NULL) || ssh_connect(s) ||
	    ssh_session_is_known_server(s) != SSH_KNOWN_HOSTS_OK ||
	    ssh_userauth_publickey_auto(s, NULL, NULL) != SSH_AUTH_SUCCESS)
		return fprintf(stderr, "%s\n", ssh_get_error(s)), 1;
	ssh_channel c = ssh_channel_new(s);
	if (ssh_channel_open_session(c) || ssh_channel_request_exec(c, "echo hello"))
		return fprintf(stderr, "%s\n", ssh_get_error(s)), 1;
	while ((n = ssh_channel_read(c, b, sizeof b, 0)) > 0)
		fwrite(b, 1, n, stdout);
	ssh_channel_free(c);
	ssh_disconnect(s);
	ssh_free(s);
}
END
gcc -o c c.c -lssh; hello ./c`},
	{name: "Net::OpenSSH", packages: "libnet-openssh-perl", connections: 1, script: `
hello perl -MNet::OpenSSH -e '$s = Net::OpenSSH->new("tango"); $s->error and die $s->error; print $s->capture("echo hello")'`},
	{name: "pexpect", packages: "python3-pexpect", connections: 1, script: `
hello python3 -c 'import pexpect; print(pexpect.run("ssh tango echo hello").decode(), end="")'`},
	{name: "plink", packages: "putty-tools", connections: 1, small: true, script: `
putty; hello plink "${options[@]}" root@198.51.100.2 echo hello`},
	{name: "pscp", packages: "putty-tools", connections: 1, script: `
putty; pscp -q "${options[@]}" data root@198.51.100.2:$D/up; cmp data up`},
	{name: "psftp", packages: "putty-tools", connections: 1, script: `
putty; echo "get $D/data down" >batch; psftp "${options[@]}" -b batch root@198.51.100.2 >/dev/null; cmp data down`},
	{name: "dbclient", packages: "dropbear-bin", connections: 1, small: true, script: `
dropbearconvert openssh dropbear ~/.ssh/id_ed25519 key >/dev/null 2>&1
hello dbclient -i key -J 'knockpipe 198.51.100.2 22' root@198.51.100.2 echo hello`},
	{name: "socat", packages: "socat", connections: 1, small: true, script: `
through socat TCP-LISTEN:2222,bind=127.0.0.1,reuseaddr,fork EXEC:'knockpipe 198.51.100.2 22'`},
	{name: "socat, SYSTEM", packages: "socat", connections: 1, script: `
through socat TCP-LISTEN:2222,bind=127.0.0.1,reuseaddr,fork SYSTEM:'knockpipe 198.51.100.2 22'`},
	{name: "socat, nofork", packages: "socat", connections: 1, script: `
through socat TCP-LISTEN:2222,bind=127.0.0.1,reuseaddr,fork EXEC:'knockpipe 198.51.100.2 22',nofork`},
	{name: "systemd-socket-activate", packages: "systemd", connections: 1, script: `
through systemd-socket-activate -E PATH -E HOME --accept --inetd -l 127.0.0.1:2222 knockpipe 198.51.100.2 22`},
	{name: "ncat", packages: "ncat", connections: 1, script: `through ncat -lk 127.0.0.1 2222 --sh-exec 'knockpipe 198.51.100.2 22'`},
	{name: "tcpserver", packages: "ucspi-tcp", connections: 1, script: `through tcpserver -q -H -R -l 0 127.0.0.1 2222 knockpipe 198.51.100.2 22`},
	{name: "VS Code", fails: "Debian has no package; it starts what \"three ssh at once\" does"},
	{name: "WinSCP", fails: "Debian has no package; its core is PuTTY's"},
}
