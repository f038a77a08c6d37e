// Plain HTTP to an API server, ours or a real one, as its administrator or with a token: what the tests ask it with.
// Knows the protocol only as far as JSON and lines of JSON; the product's own client is packages/kube.
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { type ClusterKeys, serverName } from './auth/cluster-keys.ts';
import { isObject, type Json, type JsonObject } from './patch/json.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Empty when the text is no JSON object. */
  readonly body: JsonObject;
}

export interface Call {
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ApiClient implements Disposable {
  readonly #agent: Agent;
  readonly #port: number;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param as a bearer token, nobody at all, or by default the administrator. */
  constructor(
    { port, keys }: { readonly port: number; readonly keys: ClusterKeys },
    as: { readonly token: string } | 'nobody' | 'admin' = 'admin',
  ) {
    const { certPem, keyPem } = keys.admin;
    const credentials = as === 'admin' ? { cert: certPem, key: keyPem } : {};
    this.#agent = new Agent({ ca: keys.caPem, servername: serverName, keepAlive: true, ...credentials });
    this.#port = port;
    this.#headers = typeof as === 'object' ? { authorization: `Bearer ${as.token}` } : {};
  }

  get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> => this.call('GET', path, { headers });
  post = (path: string, body: Json): Promise<Answer> => this.call('POST', path, { body });
  put = (path: string, body: Json): Promise<Answer> => this.call('PUT', path, { body });
  remove = (path: string, body?: Json): Promise<Answer> => this.call('DELETE', path, body === undefined ? {} : { body });

  patch(path: string, body: Json, type: 'json' | 'merge' | 'strategic-merge' | 'apply' = 'merge'): Promise<Answer> {
    const contentType = `application/${type}-patch+${type === 'apply' ? 'yaml' : 'json'}`;
    return this.call('PATCH', path, { body, headers: { 'content-type': contentType } });
  }

  async call(method: string, path: string, call: Call = {}): Promise<Answer> {
    const answer = await this.#send(method, path, call);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    return { status: answer.statusCode ?? 0, headers: answer.headers, text, body: parsed(text) };
  }

  /** The events of a watch, as they come. @param path with its query, `watch=1` included. */
  async watch(path: string): Promise<WatchLines> {
    const answer = await this.#send('GET', path, {});
    if (answer.statusCode !== 200) throw new Error(`watch refused with ${answer.statusCode}`);
    return new WatchLines(answer);
  }

  async #send(method: string, path: string, { body, headers = {} }: Call): Promise<IncomingMessage> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    // Node frames the body of a DELETE only when told its length.
    const about = bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': bytes.length };
    const asked = request({
      host: '127.0.0.1',
      port: this.#port,
      path,
      method,
      agent: this.#agent,
      headers: { ...about, ...this.#headers, ...headers },
    });
    asked.end(bytes);
    const [answer] = await once(asked, 'response');
    return answer;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function parsed(text: string): JsonObject {
  try {
    const read: unknown = JSON.parse(text);
    return isObject(read) ? read : {};
  } catch {
    return {};
  }
}

class WatchLines implements Disposable {
  readonly #answer: IncomingMessage;
  readonly #lines: AsyncIterator<string>;

  constructor(answer: IncomingMessage) {
    this.#answer = answer;
    // A connection that is cut ends the lines; what came before it counts.
    answer.on('error', () => {});
    this.#lines = createInterface({ input: answer })[Symbol.asyncIterator]();
  }

  /** The next event; undefined when there are no more. A line that was cut short is none. */
  async next(): Promise<JsonObject | undefined> {
    const line = await this.#lines.next().catch(() => undefined);
    const event = parsed(line?.done === true ? '' : (line?.value ?? ''));
    return Object.keys(event).length === 0 ? undefined : event;
  }

  /** The next `count` events as `TYPE name`. */
  async take(count: number): Promise<string[]> {
    const seen: string[] = [];
    while (seen.length < count) {
      const event = await this.next();
      if (event === undefined) break;
      const { object } = event;
      const metadata = isObject(object) && isObject(object.metadata) ? object.metadata : {};
      seen.push(`${String(event.type)} ${String(metadata.name ?? '')}`.trim());
    }
    return seen;
  }

  [Symbol.dispose](): void {
    this.#answer.destroy();
  }
}
