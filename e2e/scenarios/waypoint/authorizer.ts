// Runs in a pod: an external authorization service that says yes to requests with `x-ext-authz: allow`, over HTTP on 8000 and over gRPC on 9000.
// With its yes it tells the application by which protocol it was asked, and who the client is as far as it was told.
import { createServer } from 'node:http';
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2';
import { CheckRequestSchema, CheckResponseSchema } from '@ambient-mesh/wire/messages/external_authorization_pb';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { frame, unframeBytes } from '../../lab/cluster/apps/grpc-frame.ts';

const yes = 'allow';
const result = 'x-ext-authz-check-result';

createServer((request, response) => {
  const allowed = request.headers['x-ext-authz'] === yes;
  response.writeHead(allowed ? 200 : 403, { [result]: allowed ? 'by http' : 'denied' }).end();
}).listen(8000);

function answer(message: Buffer): Uint8Array {
  const { attributes } = fromBinary(CheckRequestSchema, message);
  const allowed = attributes?.request?.http?.headers['x-ext-authz'] === yes;
  const header = { key: result, value: allowed ? `by grpc for ${attributes?.source?.principal}` : 'denied' };
  const headers = [{ header }];
  return toBinary(
    CheckResponseSchema,
    create(CheckResponseSchema, {
      status: { code: allowed ? 0 : 7 },
      httpResponse: allowed ? { case: 'okResponse', value: { headers } } : { case: 'deniedResponse', value: { headers } },
    }),
  );
}

const grpc = createHttp2();
grpc.on('stream', (stream: ServerHttp2Stream) => {
  const chunks: Buffer[] = [];
  stream.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(Buffer.from(answer(unframeBytes(Buffer.concat(chunks)) ?? Buffer.alloc(0)))));
  });
});
grpc.listen(9000);
process.on('SIGTERM', () => process.exit(0));
