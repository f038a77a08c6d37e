// What a port speaks: by protocol, appProtocol, name, number, in that order.
import { expect, test } from 'vitest';
import { type AppProtocol, appProtocolOf, appProtocolOfEntry } from './app-protocol.ts';
import type { ServicePort } from './kinds/service.ts';
import { portOf } from './testing/services.ts';

const rows: readonly (readonly [rule: string, port: Partial<ServicePort>, want: AppProtocol | undefined])[] = [
  ['nothing said, nothing known', {}, undefined],
  ['http', { name: 'http' }, 'HTTP11'],
  ['http2', { name: 'http2' }, 'HTTP2'],
  ['grpc', { name: 'grpc' }, 'GRPC'],
  ['tls', { name: 'tls' }, 'TLS'],
  ['https is TLS', { name: 'https' }, 'TLS'],
  ['tcp', { name: 'tcp' }, 'TCP'],
  ['what follows a dash is a name', { name: 'http-admin' }, 'HTTP11'],
  ['more than the word is another word', { name: 'httpadmin' }, undefined],
  ['case does not count', { name: 'HTTP-Admin' }, 'HTTP11'],
  ['grpc-web is no gRPC', { name: 'grpc-web' }, undefined],
  ['whatever follows', { name: 'gRPC-Web-1' }, undefined],
  ['UDP is never known', { name: 'http', protocol: 'UDP' }, undefined],
  ['UDP by name neither', { name: 'udp-x' }, undefined],
  ['appProtocol decides before the name', { name: 'http', appProtocol: 'tcp' }, 'TCP'],
  ['even one that nobody knows', { name: 'http', appProtocol: 'example.com/x' }, undefined],
  ['HTTP/2 in clear text, in the words of Kubernetes', { appProtocol: 'kubernetes.io/h2c' }, 'HTTP2'],
  ['WebSocket', { appProtocol: 'kubernetes.io/ws' }, 'HTTP11'],
  ['WebSocket over TLS', { appProtocol: 'kubernetes.io/wss' }, 'TLS'],
  ['these are no names', { name: 'kubernetes.io/h2c' }, undefined],
  ['HBONE of a waypoint', { name: 'mesh', appProtocol: 'hbone' }, undefined],
  ['which is no word here: the number speaks', { port: 3306, name: 'hbone' }, 'TCP'],
  ['SMTP by its number', { port: 25 }, 'TCP'],
  ['DNS by its number', { port: 53, name: 'dns-tcp' }, 'TCP'],
  ['MySQL by its number', { port: 3306, name: 'db' }, 'TCP'],
  ['MongoDB by its number', { port: 27017 }, 'TCP'],
  ['but UDP there is UDP', { port: 53, protocol: 'UDP' }, undefined],
  ['a word that is known keeps the number silent', { port: 3306, name: 'mysql' }, undefined],
  ['a known protocol on such a number is itself', { port: 53, name: 'http' }, 'HTTP11'],
];
for (const [rule, port, want] of rows) test(rule, () => expect(appProtocolOf(portOf(port))).toBe(want));

const entryRows: readonly (readonly [protocol: string, want: AppProtocol | undefined])[] = [
  ['HTTP', 'HTTP11'],
  ['http2', 'HTTP2'],
  ['GRPC', 'GRPC'],
  ['GRPC-Web', undefined],
  ['HTTPS', 'TLS'],
  ['TLS', 'TLS'],
  ['TCP', 'TCP'],
  ['UDP', undefined],
  ['MONGO', undefined],
  ['http-x', undefined],
  ['', undefined],
];
for (const [protocol, want] of entryRows) {
  test(`an entry that says "${protocol}"`, () => expect(appProtocolOfEntry(protocol)).toBe(want));
}
