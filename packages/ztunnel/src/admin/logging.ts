// The `/logging` page: shows and changes log levels while the process runs, in all of its threads.
// Reads the query only; the directives are parsed by runtime/log, and applied through a port.
import { describeError } from '@ambient-mesh/runtime/errors';
import type { Reply, Route } from '@ambient-mesh/runtime/http';

export interface LogControl {
  /** Canonical text of what is in force. */
  readonly current: () => string;
  /** What the process started with; `reset` goes back to it. */
  readonly initial: string;
  /** In every thread. Throws or rejects, changing nothing, if the text cannot be read. */
  readonly change: (directives: string) => void | Promise<void>;
}

const help = `usage: POST /logging                       (to see the current levels)
usage: POST /logging?level=<level>         (error, warn, info, debug, trace, off: for everything)
usage: POST /logging?level=<target>=<level>,<target>=<level>
usage: POST /logging?reset                 (back to the levels of the start)
`;

export function loggingRoute(control: LogControl): Route {
  return {
    path: '/logging',
    methods: ['POST'],
    otherwise: `Invalid HTTP method\n${help}`,
    handler: ({ query }) => logging(control, query),
  };
}

async function logging(control: LogControl, query: URLSearchParams): Promise<Reply> {
  const level = query.get('level');
  const unknown = [...query.keys()].find((key) => key !== 'level' && key !== 'reset');
  if (unknown !== undefined || level === '') return { status: 400, body: `Invalid query ${JSON.stringify(unknown ?? 'level=')}\n${help}` };
  const wanted = [query.has('reset') ? control.initial : control.current(), ...(level === null ? [] : [level])].join(',');
  try {
    if (query.size > 0) await control.change(wanted);
  } catch (why) {
    return { status: 400, body: `${describeError(why)}\n${help}` };
  }
  return { body: `current log level is ${control.current()}\n` };
}
