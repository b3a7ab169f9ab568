# bash completion for knockpipe. It needs bash 3.2 or later and nothing else.

# _knockpipe_config FILE DEPTH prints the names of the Host lines of a file in
# ssh_config's grammar, and of the files that it includes.
_knockpipe_config() {
    local line keyword word file
    local -a words
    [[ -f $1 && -r $1 ]] || return 0
    while IFS= read -r line || [[ -n $line ]]; do
        IFS=$' \t\r' read -ra words <<<"${line/=/ }"
        keyword=${words[0]-}
        for word in "${words[@]:1}"; do
            word=${word//[\"\']/}
            [[ $word == '#'* ]] && break
            case $keyword in
            [Hh][Oo][Ss][Tt])
                printf '%s\n' "$word"
                ;;
            [Ii][Nn][Cc][Ll][Uu][Dd][Ee])
                case $word in
                '~/'*) word=$HOME/${word:2} ;;
                /*) ;;
                *) word=$HOME/.ssh/$word ;;
                esac
                (($2 < 4)) || continue
                while IFS= read -r file; do
                    _knockpipe_config "$file" $(($2 + 1))
                done < <(compgen -G "$word")
                ;;
            esac
        done
    done <"$1"
}

# _knockpipe_known prints the names of known_hosts that are not hashed.
_knockpipe_known() {
    local names rest
    local -a words
    [[ -r $HOME/.ssh/known_hosts ]] || return 0
    while read -r names rest; do
        [[ $names == [@#\|]* ]] && continue
        IFS=, read -ra words <<<"$names"
        [[ ${#words[@]} -gt 0 ]] || continue
        words=("${words[@]#\[}")
        printf '%s\n' "${words[@]%]:*}"
    done <"$HOME/.ssh/known_hosts"
}

# _knockpipe_hosts PREFIX completes a host's name. It leaves out patterns, IPv6
# addresses and names that a shell would not take literally.
_knockpipe_hosts() {
    local name
    while IFS= read -r name; do
        [[ $name == "$1"* && $name != *[![:alnum:]._-]* ]] && COMPREPLY+=("$name")
    done < <({
        _knockpipe_config "$HOME/.ssh/config" 0
        _knockpipe_config "$HOME/.ssh/knock_config" 0
        _knockpipe_known
    } | LC_ALL=C sort -u)
}

# _knockpipe_from PREFIX GENERATOR... completes with what compgen makes.
_knockpipe_from() {
    local prefix=$1 line
    shift
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(compgen "$@" -- "$prefix")
}

_knockpipe_files() {
    type compopt &>/dev/null && compopt -o filenames 2>/dev/null
    _knockpipe_from "$1" -f
}

_knockpipe() {
    local cur=${COMP_WORDS[COMP_CWORD]} word value='' glued='' list='' flags=yes i
    local -i hosts=0
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        =) # of -flag=value
            [[ -n $value ]] || glued=yes
            continue
            ;;
        :*) # bash splits words at it
            value='' glued=yes
            continue
            ;;
        esac
        if [[ -n $glued ]]; then
            glued=''
        elif [[ -n $value ]]; then
            value=''
        elif [[ -n $flags && $word == -- ]]; then
            flags=''
        elif [[ -n $flags && $word == -?* ]]; then
            case ${word#-} in
            -once | once) list=yes value=once ;;
            -keygen | keygen) list=yes value='' ;;
            -tokens | tokens) list=all value='' ;;
            -?*) value=${word#--} ;;
            *) value=${word#-} ;;
            esac
            case $value in
            E | log | f | config | for | l | login | lan | n | alias | once | rules | s | source | w | timeout | trial) ;;
            *) value='' ;;
            esac
        else
            hosts+=1 flags=''
        fi
    done
    if [[ -n $value && $cur == = ]]; then
        cur=''
    fi
    case $value in
    E | log | f | config) _knockpipe_files "$cur" ;;
    n | alias) _knockpipe_hosts "$cur" ;;
    l | login) _knockpipe_from "$cur" -u ;;
    rules) _knockpipe_from "$cur" -W 'fwknopd iptables knockd mikrotik nftables' ;;
    '')
        if [[ -n $flags && $cur == -* ]]; then
            _knockpipe_from "$cur" -W '-4 -6 -E -F -G -V -alias -check -config -f -for -fresh -h -help
                -k -keygen -knock-only -l -lan -log -login -n -once -rules -s -source
                -timeout -tokens -trial -v -version -vv -w -wait -wide'
        elif [[ $list == all ]] || ((hosts == 0)) && [[ -n $list ]]; then
            _knockpipe_files "$cur"
        elif ((hosts == 0)); then
            _knockpipe_hosts "$cur"
        fi
        ;;
    esac
}

complete -F _knockpipe knockpipe
