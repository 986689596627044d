# bash completion of sedge: verbs (run card eval compare check bench inspect compile convert cpu worker verify version help), options, files.
_sedge()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
    local common="--dim --functions --target --allow-fallback --no-optimize --help"
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "run card eval compare check bench inspect compile convert cpu worker verify version help" -- "$word"))
        return
    fi
    case $before in
    --tune) COMPREPLY=($(compgen -W "quick full" -- "$word")); return ;;
    --method) COMPREPLY=($(compgen -W "minmax percentile entropy mse" -- "$word")); return ;;
    --weights) COMPREPLY=($(compgen -W "f16 int8 int4" -- "$word")); return ;;
    --target) COMPREPLY=($(compgen -W "cpu reference loopback" -- "$word")); return ;;
    -o | --out) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --threads | --seed | --seconds | --dim) return ;;
    esac
    if [[ $word == -* ]]; then
        case $verb in
        run) COMPREPLY=($(compgen -W "--card --jsonl --raw --in -o --out --threads --seed --json $common" -- "$word")) ;;
        card) COMPREPLY=($(compgen -W "--card --json --write --try --labels --tensors --seconds --threads --help" -- "$word")) ;;
        eval) COMPREPLY=($(compgen -W "--on --report --sign --data --labels --card --reference --min --max --slice --split --limit --metric-cmd --stream --anyway --threads --seed --json --help" -- "$word")) ;;
        compare) COMPREPLY=($(compgen -W "--on --report --sign --data --labels --card --margin --no-layers --slice --split --limit --stream --anyway --threads --seed --json --help" -- "$word")) ;;
        quantize) COMPREPLY=($(compgen -W "--data --card --method --snr --weights --json -o --help" -- "$word")) ;;
        fit) COMPREPLY=($(compgen -W "--data --labels --card --max-ms --max-bytes --max-drop --split --seed --report --json -o --help" -- "$word")) ;;
        check) COMPREPLY=($(compgen -W "--threads --functions --target --allow-fallback --no-optimize --help" -- "$word")) ;;
        verify) COMPREPLY=($(compgen -W "--key --commands --json --help" -- "$word")) ;;
        worker) COMPREPLY=($(compgen -W "--dir --commands --help" -- "$word")) ;;
        bench) COMPREPLY=($(compgen -W "--in --threads --seconds --seed --ops --tune --data --card --period --minutes --beside --against --energy --power-cmd --on --max --report --sign --json $common" -- "$word")) ;;
        cpu) COMPREPLY=($(compgen -W "--json --help" -- "$word")) ;;
        compile) COMPREPLY=($(compgen -W "-o --tune --json $common" -- "$word")) ;;
        convert) COMPREPLY=($(compgen -W "-o --card --functions --json --help" -- "$word")) ;;
        inspect) COMPREPLY=($(compgen -W "--graph --json $common" -- "$word")) ;;
        esac
        return
    fi
    [ "$verb" = check ] && COMPREPLY=($(compgen -d -- "$word")) || COMPREPLY=($(compgen -f -- "$word"))
}
complete -o filenames -F _sedge sedge
