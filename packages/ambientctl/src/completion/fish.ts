// Completion for fish, with descriptions: piped into source from config.fish. Pure.
import { plainWords } from './tables.ts';
import { type CommandShape, everyTaken, type OptionShape, type Taken } from './tree.ts';

/** In fish's single quotes only these two are special. */
const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, (char) => `\\${char}`)}'`;

export function fishScript(program: CommandShape): string {
  const all = everyTaken(program);
  const next = all.flatMap(({ command }) =>
    command.children.map(
      (child) =>
        `        case ${child.names.map((name) => quoted(`${command.path}:${name}`)).join(' ')}\n            echo ${quoted(child.path)}`,
    ),
  );
  const takes = all.flatMap(({ command, options }) =>
    options.filter((each) => each.takes !== 'nothing').flatMap(({ names }) => names.map((name) => quoted(`${command.path}:${name}`))),
  );
  return `# fish completion for ambientctl: ambientctl completion fish | source
function __ambientctl_next
    switch "$argv[1]:$argv[2]"
${next.join('\n')}
    end
end
function __ambientctl_takes
    switch "$argv[1]:$argv[2]"
        case ${takes.join(' ')}
            return 0
    end
    return 1
end
function __ambientctl_at
    set -l at ''
    set -l skip 0
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -q -- '--*=*' $word
            continue
        else if string match -q -- '-*' $word
            __ambientctl_takes "$at" $word; and set skip 1
        else
            set -l found (__ambientctl_next "$at" $word)
            test -n "$found"; and set at $found
        end
    end
    test "$at" = "$argv[1]"
end
complete -c ambientctl -e
${all.map(linesOf).join('\n')}
`;
}

function linesOf(taken: Taken): string {
  const at = `complete -c ambientctl -n ${quoted(`__ambientctl_at ${quoted(taken.command.path)}`)}`;
  const words = plainWords(taken).map(({ word, about }) => `${at} -f -a ${quoted(word)}${about === '' ? '' : ` -d ${quoted(about)}`}`);
  return [...words, ...taken.options.map((option) => `${at} ${optionWords(option)} -d ${quoted(option.about)}`)].join('\n');
}

function optionWords({ names, takes }: OptionShape): string {
  const named = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  if (takes === 'nothing') return named.join(' ');
  if (takes === 'file') return `${named.join(' ')} -r -F`;
  return `${named.join(' ')} -x${takes === 'any' ? '' : ` -a ${quoted(takes.join(' '))}`}`;
}
