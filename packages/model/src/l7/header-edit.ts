// Changes headers as a route says: set, add, remove (facts: gateway-api-mesh §3.5). Pure.
// Called by the waypoint for requests and responses. What belongs to the connection, or frames the message, is never touched.
import type { Headers } from './request-facts.ts';
import type { HeaderEdit } from './route.ts';

export interface EditedHeaders {
  readonly headers: Headers;
  /** Present when `host` was set; in requests it replaces the authority. */
  readonly authority?: string;
}

const untouchable: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Names in any case. What may not be touched is left as it is. */
export function applyEdit(headers: Headers, { set, add, remove }: HeaderEdit): EditedHeaders {
  let edited = headers;
  let authority: string | undefined;
  for (const written of remove) {
    const name = written.toLowerCase();
    if (isEditable(name)) edited = edited.filter(([each]) => each !== name);
  }
  for (const [written, value] of set) {
    const name = written.toLowerCase();
    if (isHost(name)) authority = value;
    else if (isEditable(name)) edited = [...edited.filter(([each]) => each !== name), [name, value]];
  }
  for (const [written, value] of add) {
    const name = written.toLowerCase();
    if (isEditable(name)) edited = added(edited, name, value);
  }
  return authority === undefined ? { headers: edited } : { headers: edited, authority };
}

/** What is wrong with the edit: a name or value that no header can have. Undefined: nothing. */
export function badEdit({ set, add, remove }: HeaderEdit): string | undefined {
  const entries = [...set, ...add];
  const name = [...entries.map(([each]) => each), ...remove].find((each) => !/^:?[\w!#$%&'*+.^`|~-]+$/.test(each));
  if (name !== undefined) return `invalid header name ${JSON.stringify(name)}`;
  const value = entries.find(([, each]) => !isHeaderValue(each));
  return value && `invalid value of header ${value[0]}`;
}

/** No control characters but tabs, and nothing above an octet. */
export function isHeaderValue(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if ((unit < 32 && unit !== 9) || unit === 127 || unit > 255) return false;
  }
  return true;
}

/** To the last header of this name, after a bare comma; cookies that are set stay apart (RFC 9110 §5.3). */
function added(headers: Headers, name: string, value: string): Headers {
  const last = name === 'set-cookie' ? -1 : headers.findLastIndex(([each]) => each === name);
  const before = headers[last];
  return before === undefined ? [...headers, [name, value]] : headers.with(last, [name, `${before[1]},${value}`]);
}

const isHost = (name: string): boolean => name === 'host' || name === ':authority';

const isEditable = (name: string): boolean => !untouchable.has(name) && !isHost(name) && !name.startsWith(':');
