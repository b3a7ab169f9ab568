#!/bin/sh
# Installs the real programs that the lab's tests and benchmarks use, on Debian
# and its relatives, and keeps the services among them from starting. With the word
# clients, it installs what only `make clients` uses, too.
set -eu

packages='
	gcc libc6-dev libssh-4 libssh-dev
	dropbear-bin fish fwknop-client fwknop-server git iproute2 iptables knockd mandoc
	netcat-openbsd nftables openssh-client openssh-server putty-tools python3 python3-paramiko
	rsync ruby-bcrypt-pbkdf ruby-ed25519 ruby-net-ssh socat strace sudo systemd util-linux zsh
	lintian make pacman-package-manager rpm
'
if [ "$(dpkg --print-architecture)" = amd64 ]; then
	packages="$packages wine wine64"
fi
if [ "${1-}" = clients ]; then
	packages="$packages
		ansible-core ansible-mitogen autossh borgbackup bup clustershell curl dbus-daemon
		docker.io dsh duplicity emacs-nox git-annex gvfs-backends lftp libglib2.0-bin
		libnet-openssh-perl mercurial mosh mussh ncat parallel pdsh pssh
		python3-asyncssh python3-fabric python3-pexpect rclone rdiff-backup restic
		rsnapshot ruby-net-scp ruby-net-sftp sshfs sshpass sshuttle subversion taktuk
		ucspi-tcp unison vim-nox
	"
fi

missing=
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# Debian's own switch: while this script says 101, no package starts a service.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one word for each package
apt-get install -qq -y --no-install-recommends $missing >/dev/null
