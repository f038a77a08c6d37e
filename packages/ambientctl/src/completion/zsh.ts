// Completion for zsh, with descriptions: sourced from ~/.zshrc after compinit. Pure.
import { nextTable, optionWords, plainWords, quoted, takesTable, type Word } from './tables.ts';
import { type CommandShape, everyTaken } from './tree.ts';

export function zshScript(program: CommandShape): string {
  const rows = everyTaken(program).map(
    (taken) => `    ${quoted(taken.command.path)}) plain=(${listOf(plainWords(taken))}) flags=(${listOf(optionWords(taken))}) ;;`,
  );
  return `#compdef ambientctl
# zsh completion for ambientctl: source <(ambientctl completion zsh)
${nextTable(program)}
${takesTable(program)}
_ambientctl() {
  local REPLY at='' takes='' word
  local -a plain flags
  integer i
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if [[ -n $takes ]]; then takes=''; continue; fi
    if [[ $word == --*=* ]]; then continue; fi
    if [[ $word == -* ]]; then
      __ambientctl_takes "$at" "$word"
      takes=$REPLY
    else
      __ambientctl_next "$at" "$word"
      if [[ -n $REPLY ]]; then at=$REPLY; fi
    fi
  done
  case $takes in
    :*) compadd -- \${=takes#:}; return ;;
    any) return ;;
    file) _files; return ;;
  esac
  case $at in
${rows.join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option flags
  elif (( \${#plain} )); then
    _describe command plain
  else
    _files
  fi
}
compdef _ambientctl ambientctl
`;
}

/** `word:description`, where colons in words are escaped. */
const listOf = (all: readonly Word[]): string =>
  all.map(({ word, about }) => quoted(about === '' ? word.replaceAll(':', '\\:') : `${word.replaceAll(':', '\\:')}:${about}`)).join(' ');
