// Asks for one path again and again over one connection and prints a line whenever the answer's `x-mark` has changed: `MARK MILLISECONDS-SINCE-1970`.
// Started with {host, port, path}; goes on until it is killed. The time is that at which the answer came.
import { connect } from 'node:net';

const { host, port, path } = JSON.parse(process.argv[2] ?? '') as { readonly host: string; readonly port: number; readonly path: string };
const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

let seen: string | undefined;
let text = '';
const socket = connect({ host, port, noDelay: true }, () => socket.write(request));
socket.on('data', (chunk) => {
  text += chunk.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
  if (text.length < end + 4 + length) return;
  const mark = /\r\nx-mark: *(\S+)/i.exec(text.slice(0, end))?.[1] ?? 'none';
  if (mark !== seen) console.log(`${mark} ${performance.timeOrigin + performance.now()}`);
  seen = mark;
  text = '';
  socket.write(request);
});
for (const event of ['error', 'close'] as const)
  socket.on(event, () => {
    console.error('the connection was closed');
    process.exit(1);
  });
