# fish completion for knockpipe

# __knockpipe_config FILE DEPTH prints the names of the Host lines of a file in
# ssh_config's grammar, and of the files that it includes.
function __knockpipe_config
    test -f $argv[1] -a -r $argv[1]; or return
    while read -l line
        set -l words (string replace = ' ' -- "$line" | string replace -ra '\s+' ' ' | string split -n ' ')
        set -l keyword (string lower -- "$words[1]")
        contains -- "$keyword" host include; or continue
        for word in $words[2..-1]
            set word (string replace -ra '["\']' '' -- $word)
            string match -q '#*' -- $word; and break
            if test $keyword = host
                echo -- $word
            else if test $argv[2] -lt 4
                for file in (__knockpipe_include $word)
                    __knockpipe_config $file (math $argv[2] + 1)
                end
            end
        end
    end <$argv[1]
end

# __knockpipe_include PATTERN prints the files that an Include names. Its wildcards
# may be in the last part of the path.
function __knockpipe_include
    set -l path (string replace -r '^~/' $HOME/ -- $argv[1])
    string match -q '/*' -- $path; or set path $HOME/.ssh/$path
    set -l folder (string replace -r '[^/]*$' '' -- $path)
    set -l name (string replace -r '.*/' '' -- $path)
    for file in $folder*
        string match -q -- $name (string replace -r '.*/' '' -- $file); and echo -- $file
    end
end

# __knockpipe_known prints the names of known_hosts that are not hashed.
function __knockpipe_known
    test -r $HOME/.ssh/known_hosts; or return
    string match -rv '^[@#|]|^\s*$' <$HOME/.ssh/known_hosts | string replace -r '\s.*' '' | string split , | string replace -r '^\[(.*)\]:.*' '$1'
end

# This leaves out patterns, IPv6 addresses and names that a shell would not take literally.
function __knockpipe_hosts
    begin
        __knockpipe_config $HOME/.ssh/config 0
        __knockpipe_config $HOME/.ssh/knock_config 0
        __knockpipe_known
    end | string match -r '^[[:alnum:]._-]+$' | sort -u
end

# __knockpipe_at says whether the next word can be an option ("flag"), the host
# ("host") or a file of -once, -keygen or -tokens ("list").
function __knockpipe_at
    set -l value
    set -l more
    set -l at flag host
    for word in (commandline -opc)[2..-1]
        if test -n "$value"
            set value
            continue
        end
        contains flag $at; or set word word
        switch $word
            case --
                set -e at[1]
            case -once --once
                set at flag list
                set value yes
            case -keygen --keygen
                set at flag list
            case -tokens --tokens
                set at flag list
                set more yes
            case -{E,log,f,config,for,l,login,lan,n,alias,rules,s,source,trial,w,timeout} --{E,log,f,config,for,l,login,lan,n,alias,rules,s,source,trial,w,timeout}
                set value yes
            case '-?*'
            case '*'
                test -n "$more"; or return 1
                set at list
        end
    end
    contains -- $argv[1] $at
end

complete -c knockpipe -f
complete -c knockpipe -n '__knockpipe_at host' -a '(__knockpipe_hosts)'
complete -c knockpipe -n '__knockpipe_at list' -F

complete -c knockpipe -n '__knockpipe_at flag' -o 4 -d 'Use only IPv4'
complete -c knockpipe -n '__knockpipe_at flag' -o 6 -d 'Use only IPv6'
complete -c knockpipe -n '__knockpipe_at flag' -o check -d 'Knock and connect once, and report what is wrong'
complete -c knockpipe -n '__knockpipe_at flag' -o E -o log -r -F -d 'Append errors and what -v prints to a file'
complete -c knockpipe -n '__knockpipe_at flag' -o F -d 'Pass the socket to ssh and exit'
complete -c knockpipe -n '__knockpipe_at flag' -o f -o config -r -F -d 'Read only this config'
complete -c knockpipe -n '__knockpipe_at flag' -o for -x -d 'With -tokens: how long the tokens last'
complete -c knockpipe -n '__knockpipe_at flag' -o fresh -d 'With -tokens: include the tokens that count now'
complete -c knockpipe -n '__knockpipe_at flag' -o G -d 'Print the settings for the host'
complete -c knockpipe -n '__knockpipe_at flag' -o h -o help -d 'Print the usage and exit'
complete -c knockpipe -n '__knockpipe_at flag' -o keygen -d 'Make a key file for one-time tokens'
complete -c knockpipe -n '__knockpipe_at flag' -o k -o knock-only -d 'Send the knocks once and exit'
complete -c knockpipe -n '__knockpipe_at flag' -o l -o login -x -a '(__fish_complete_users)' -d 'The remote user'
complete -c knockpipe -n '__knockpipe_at flag' -o lan -x -d 'With -rules: let this network in without a knock'
complete -c knockpipe -n '__knockpipe_at flag' -o n -o alias -x -a '(__knockpipe_hosts)' -d 'The name that was given to ssh'
complete -c knockpipe -n '__knockpipe_at flag' -o once -x -d 'Write a new list of N one-time sequences'
complete -c knockpipe -n '__knockpipe_at flag' -o rules -x -a 'fwknopd iptables knockd mikrotik nftables' -d 'Print the server\'s side of the knock'
complete -c knockpipe -n '__knockpipe_at flag' -o s -o source -x -d 'Knock and connect from this local address'
complete -c knockpipe -n '__knockpipe_at flag' -o tokens -d 'Print the coming tokens of key files, for nft'
complete -c knockpipe -n '__knockpipe_at flag' -o V -o version -d 'Print the version and exit'
complete -c knockpipe -n '__knockpipe_at flag' -o v -d 'Report progress on stderr'
complete -c knockpipe -n '__knockpipe_at flag' -o vv -d 'Print more'
complete -c knockpipe -n '__knockpipe_at flag' -o w -o timeout -x -d 'Give up after this time'
complete -c knockpipe -n '__knockpipe_at flag' -o trial -x -d 'With -rules: the guard removes itself after this time'
complete -c knockpipe -n '__knockpipe_at flag' -o wide -d 'With -rules: let in the whole /24 or /64 of the sender'
complete -c knockpipe -n '__knockpipe_at flag' -o wait -d 'With -check: wait until the door shuts again'
