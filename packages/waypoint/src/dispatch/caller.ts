// The port by which filters and telemetry ask services of the mesh (filters/call.ts), carried out over the pools of the traffic.
import type { Call } from '../filters/call.ts';
import { call } from './call.ts';
import type { Destinations } from './destinations.ts';

export function caller(destinations: Destinations): Call {
  return ({ service, port }, { protocol, method, authority, path, headers, body, timeout, signal }) => {
    const length = ['content-length', String(body.length)] as const;
    const head = { method, scheme: 'http', authority, path, headers: body.length > 0 ? [...headers, length] : headers } as const;
    return call(destinations.service(service, port), { head, version: protocol, body: Buffer.from(body), timeoutMs: timeout, signal });
  };
}
