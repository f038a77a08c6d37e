// A pseudo-terminal as a program sees it: it is a terminal, it has the size that was set, and its end is seen at the other end.
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { expect, test } from 'vitest';
import { openPseudoTerminal, resizeTerminal } from './pseudo-terminal.ts';

test('a program gets a terminal of the size that was set, and what is typed', async () => {
  const { userFd, programFd } = openPseudoTerminal();
  resizeTerminal(userFd, { columns: 99, rows: 41 });
  const command = ['--ctty', '--wait', 'sh', '-c', 'stty -echo; stty size; read word; echo "got $word"'];
  const child = spawn('setsid', command, { stdio: [programFd, programFd, programFd] });
  closeSync(programFd);
  const user = new ReadStream(userFd);
  let said = '';
  const ended = new Promise<string | undefined>((resolve) => user.on('error', (e: NodeJS.ErrnoException) => resolve(e.code)));
  user.on('data', (chunk: Buffer) => {
    said += chunk;
    if (/41 99/.test(String(chunk))) user.write('hello\n');
  });
  expect(await ended).toBe('EIO');
  expect(said).toBe('41 99\r\ngot hello\r\n');
  expect(child.pid).toBeGreaterThan(0);
});

test('resizing what is no terminal is refused', () => {
  expect(() => resizeTerminal(-1, { columns: 80, rows: 24 })).toThrow('resize a terminal');
});
