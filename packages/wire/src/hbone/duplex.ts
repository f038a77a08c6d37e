// A conduit as a Node stream: for TLS inside a tunnel stream (double.ts), and for HTTP parsers on tunnel streams.
// Slower than the pump, which needs no stream; use it only where a library demands one.
import { Duplex } from 'node:stream';
import type { Closed, Conduit } from '../conduit.ts';

/** Receives from the conduit from now on. Destroying the stream aborts the conduit. */
export function duplexOf(conduit: Conduit): Duplex {
  const waiting: (() => void)[] = [];
  const goOn = () => {
    for (const done of waiting.splice(0)) done();
  };
  let over: Closed | undefined;
  let ended = false;
  const stream = new Duplex({
    read: () => conduit.resume(),
    write(bytes: Buffer, _encoding, done) {
      if (over !== undefined) done(brokenPipe());
      else if (conduit.write(bytes)) done();
      else waiting.push(done);
    },
    final(done) {
      conduit.end();
      done();
    },
    destroy(e, done) {
      if (over === undefined) conduit.abort(e === null ? 'cancel' : 'broken');
      goOn();
      done(e);
    },
  });
  const end = () => {
    if (!ended) stream.push(null);
    ended = true;
  };
  conduit.receive({
    data(bytes, slab) {
      const own = slab === undefined ? bytes : Buffer.from(bytes);
      slab?.release();
      if (!stream.push(own)) conduit.pause();
    },
    end,
    drained: goOn,
    closed(how) {
      over = how;
      goOn();
      if (typeof how !== 'string') stream.destroy(how);
      else end();
    },
  });
  return stream;
}

function brokenPipe(): NodeJS.ErrnoException {
  return Object.assign(new Error('the tunnel stream has ended'), { code: 'EPIPE' });
}
