import type { Shell } from "./sources.ts";

/**
 * The script with which a shell calls `varve completions SHELL -- WORD…` at each TAB.
 *
 * The answer has one line `VALUE<TAB>DESCRIPTION` for each word. The last line says whether the shell should also offer
 * files: `:files`, `:directories`, or `:` to offer neither.
 */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/** Bash splits words at `:` and `=`, which image names and options contain. So the script splits the line itself. */
const BASH = `# bash completion for varve
_varve() {
  local line=\${COMP_LINE:0:COMP_POINT} cur='' kept answer value
  local -a words=()
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  cur=\${words[\${#words[@]}-1]}
  kept=\${cur%"\${cur##*[:=]}"}
  [[ $COMP_WORDBREAKS == *[:=]* ]] || kept=
  COMPREPLY=()
  while IFS= read -r answer; do
    case $answer in
      :files) compopt -o default ;;
      :directories) compopt -o dirnames ;;
      :*) ;;
      *)
        value=\${answer%%$'\\t'*}
        [[ $value == *[=/:] ]] && compopt -o nospace
        COMPREPLY+=("\${value#"$kept"}")
        ;;
    esac
  done < <("\${words[0]/#\\~/$HOME}" completions bash -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _varve varve
`;

const ZSH = `#compdef varve
# zsh completion for varve
_varve() {
  local answer
  local -a described begun
  local description
  for answer in "\${(@f)$("\${(Q)words[1]/#\\~/$HOME}" completions zsh -- \\
    "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $answer in
      :files) _files ;;
      :directories) _files -/ ;;
      :*|'') ;;
      *)
        description="\${\${answer%%$'\\t'*}//:/\\\\:}:\${answer#*$'\\t'}"
        case \${answer%%$'\\t'*} in
          *[=/:]) begun+=("$description") ;;
          *) described+=("$description") ;;
        esac
        ;;
    esac
  done
  (( \${#begun} )) && _describe -V varve begun -S ''
  (( \${#described} )) && _describe -V varve described
}
if [ "$funcstack[1]" = _varve ]; then
  _varve "$@"
else
  compdef _varve varve
fi
`;

const FISH = `# fish completion for varve
function __varve_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answers ($words[1] completions fish -- $words[2..-1] 2>/dev/null)
  for answer in $answers
    switch $answer
      case ':files'
        __fish_complete_path (commandline -ct)
      case ':directories'
        __fish_complete_directories (commandline -ct)
      case ':*'
      case '*'
        printf '%s\\n' $answer
    end
  end
end
complete -c varve -f -k -a '(__varve_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
