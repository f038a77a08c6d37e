// Completion for bash, without bash-completion: sourced from ~/.bashrc. Pure.
import { nextTable, optionWords, plainWords, quoted, takesTable } from './tables.ts';
import { type CommandShape, everyTaken } from './tree.ts';

export function bashScript(program: CommandShape): string {
  const rows = everyTaken(program).map((taken) => {
    const words = (all: readonly { readonly word: string }[]): string => quoted(all.map(({ word }) => word).join(' '));
    return `    ${quoted(taken.command.path)}) PLAIN=${words(plainWords(taken))} OPTIONS=${words(optionWords(taken))} ;;`;
  });
  return `# bash completion for ambientctl: source <(ambientctl completion bash)
${nextTable(program)}
${takesTable(program)}
_ambientctl() {
  local REPLY PLAIN='' OPTIONS='' at='' takes='' i word
  local cur=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == = ]]; then continue; fi
    if [[ -n $takes ]]; then takes=''; continue; fi
    if [[ $word == -* ]]; then
      __ambientctl_takes "$at" "$word"
      takes=$REPLY
    else
      __ambientctl_next "$at" "$word"
      if [[ -n $REPLY ]]; then at=$REPLY; fi
    fi
  done
  if [[ $cur == = ]]; then cur=''; fi
  case $takes in
    :*) COMPREPLY=($(compgen -W "\${takes#:}" -- "$cur")); return ;;
    any) return ;;
    file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case $at in
${rows.join('\n')}
  esac
  if [[ $cur == -* ]]; then PLAIN=$OPTIONS; fi
  COMPREPLY=($(compgen -W "$PLAIN" -- "$cur"))
}
complete -o default -F _ambientctl ambientctl
`;
}
