// Asks an external authorization service over gRPC (Envoy's `Authorization/Check`, version 3).
// Called by external-authorization.ts, which decides what an answer or the lack of one means.
import { isUtf8 } from 'node:buffer';
import { MeshError } from '@ambient-mesh/runtime/errors';
import { type CheckAnswer, checkPath, decodeCheck, encodeCheck } from '@ambient-mesh/wire/external/check';
import { type Call, type CallFault, callUnary } from './call.ts';
import { changedHeaders } from './header-changes.ts';
import { type Asking, partialBody } from './question.ts';

/** Rejects when the service gives no answer that can be read. `now`: milliseconds since 1970. */
export async function askByGrpc(call: Call, { settings, question, signal }: Asking, now: number): Promise<CheckAnswer> {
  const { connection, request, body } = question;
  const bytes = Buffer.from(body?.bytes ?? []);
  const message = encodeCheck({
    source: { address: connection.source.ip, port: connection.source.port, principal: connection.principal ?? '' },
    destination: { address: connection.destination.ip, port: connection.destination.port, principal: connection.ownPrincipal },
    time: now,
    sni: connection.sni,
    ...(request && {
      http: {
        ...request,
        headers: changedHeaders(request.headers, partialBody(body)),
        size: body === undefined ? -1 : bytes.length,
        body: isUtf8(bytes) ? bytes.toString() : bytes,
      },
    }),
  });
  const answer = decodeCheck(await callUnary(call, settings, { path: checkPath, message, timeout: settings.timeout }, signal));
  if (answer === undefined) throw new MeshError<CallFault>({ code: 'call.failed' }, 'the answer is no CheckResponse');
  return answer;
}
