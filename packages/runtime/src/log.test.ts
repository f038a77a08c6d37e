// The log: both formats exactly as tools around ztunnel read them, levels while running, and text that tries to forge lines.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MeshError } from './errors.ts';
import { type Field, Log, raw } from './log.ts';
import { fakeClock } from './testing/clock.ts';
import { ms } from './time.ts';

const clock = fakeClock(ms(Date.UTC(2026, 7, 20, 10, 11, 12, 123)));

function recorded(format: 'plain' | 'json', directives = 'info') {
  const lines: string[] = [];
  return { lines, log: new Log({ format, directives, write: (line) => lines.push(line), clock, hiddenPrefix: 'ztunnel::' }) };
}

const connection: readonly Field[] = [
  ['src.addr', raw('10.0.1.5:40112')],
  ['src.workload', 'client-0'],
  ['bytes_sent', 11],
  ['duration', '3ms'],
];

test('plain: time, level, scope, message and fields, parted by tabs', () => {
  const { lines, log } = recorded('plain');
  log.for('access').info('connection complete', connection);
  expect(lines).toEqual([
    '2026-08-20T10:11:12.123000Z\tinfo\taccess\tconnection complete\tsrc.addr=10.0.1.5:40112 src.workload="client-0" bytes_sent=11 duration="3ms"',
  ]);
});

test('plain: spans follow the scope, outermost first, and the program’s own prefix is left away', () => {
  const { lines, log } = recorded('plain');
  const scope = log.for('ztunnel::proxy').span('proxy', [['wl', 'ns/name']]);
  scope
    .span('inbound', [
      ['id', 'a'],
      ['peer', raw('10.0.0.1:1')],
    ])
    .span('bare')
    .warn('stop');
  expect(lines).toEqual(['2026-08-20T10:11:12.123000Z\twarn\tproxy:proxy{wl="ns/name"}:inbound{id="a" peer=10.0.0.1:1}:bare\tstop\t']);
});

test('json: level, time, scope, message, the fields, then an object per span; numbers stay numbers', () => {
  const { lines, log } = recorded('json');
  log
    .for('ztunnel::proxy')
    .span('outbound', [['id', '1']])
    .error('connection complete', connection);
  expect(lines).toEqual([
    '{"level":"error","time":"2026-08-20T10:11:12.123000Z","scope":"ztunnel::proxy","message":"connection complete","src.addr":"10.0.1.5:40112","src.workload":"client-0","bytes_sent":11,"duration":"3ms","outbound":{"id":"1"}}',
  ]);
});

const hostile: readonly (readonly [rule: string, value: Field[1], want: string])[] = [
  ['quotes and backslashes are escaped', 'a"b\\', '"a\\"b\\\\"'],
  ['line breaks are escaped', 'a\nb\r\tc', '"a\\nb\\r\\tc"'],
  ['terminal control is escaped', '\u001b[31m\u009b\u007f', '"\\u001b[31m\\u009b\\u007f"'],
  ['other line separators are escaped', '\u0085\u2028', '"\\u0085\\u2028"'],
  ['text of any language stays', 'größe 網', '"größe 網"'],
  ['raw text that could forge a field is quoted after all', raw('1.2.3.4:5 src.identity="x"'), '"1.2.3.4:5 src.identity=\\"x\\""'],
  ['so is empty raw text', raw(''), '""'],
];
for (const [rule, value, want] of hostile) {
  test(rule, () => {
    const { lines, log } = recorded('plain');
    log.for('access').info('m', [['f', value]]);
    expect(lines[0]?.split('\t')[4]).toBe(`f=${want}`);
  });
}

test('a message cannot break its line', () => {
  const { lines, log } = recorded('plain');
  log.for('t').info('two\nlines, "quoted"\tand more');
  expect(lines[0]?.split('\t').slice(3)).toEqual(['two\\nlines, "quoted"\\tand more', '']);
});

test('whatever a field says, plain stays five columns on one line and JSON stays JSON', () => {
  const { lines: plain, log: plainLog } = recorded('plain');
  const { lines: json, log: jsonLog } = recorded('json');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, value) => {
      for (const log of [plainLog, jsonLog])
        log.for('t').info(message, [
          ['quoted', value],
          ['raw', raw(value)],
        ]);
      const line = plain.pop() ?? '';
      const parsed: unknown = JSON.parse(json.pop() ?? '');
      expect(line.split('\t')).toHaveLength(5);
      expect(line).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
      expect(parsed).toMatchObject({ message, quoted: value, raw: value });
    }),
  );
});

const levelRows: readonly (readonly [directives: string, target: string, enabled: string])[] = [
  ['info', 'dns', 'error warn info'],
  ['', 'dns', 'error warn info'],
  ['off', 'dns', ''],
  ['warn,dns=debug', 'dns', 'error warn info debug'],
  ['warn,dns=debug', 'access', 'error warn'],
  ['dns=trace', 'access', 'error warn info'],
  ['ztunnel=debug,ztunnel::xds=error', 'ztunnel::xds::client', 'error'],
  ['ztunnel::xds=error,ztunnel=debug', 'ztunnel::xds::client', 'error'],
  ['dns=off,dns=trace', 'dns', 'error warn info debug trace'],
  [' INFO , dns=Warn ', 'dns', 'error warn'],
];
for (const [directives, target, want] of levelRows) {
  test(`with ${JSON.stringify(directives)}, ${target} writes: ${want || 'nothing'}`, () => {
    const { log, lines } = recorded('plain', directives);
    const scope = log.for(target).span('s');
    for (const level of ['error', 'warn', 'info', 'debug', 'trace'] as const) scope[level]('m');
    expect(lines.map((line) => line.split('\t')[1]).join(' ')).toBe(want);
    expect(scope.enabled('info')).toBe(want.includes('info'));
  });
}

test('directives change for scopes already handed out, and show canonically', () => {
  const { log } = recorded('plain');
  const scope = log.for('dns').span('s');
  log.directives = `${log.directives},dns=debug,a=off`;
  expect([scope.enabled('debug'), log.directives]).toEqual([true, 'dns=debug,a=off,info']);
  log.directives = 'error';
  expect([scope.enabled('debug'), scope.enabled('warn'), log.directives]).toEqual([false, false, 'error']);
});

for (const bad of ['loud', 'dns', 'dns=loud', '=info', 'a=b=c']) {
  test(`the directive ${bad} is refused and changes nothing`, () => {
    const { log } = recorded('plain', 'warn');
    expect(() => {
      log.directives = bad;
    }).toThrow(MeshError);
    expect(log.directives).toBe('warn');
  });
}

test('any directives are refused, or show as text that means the same', () => {
  const { log } = recorded('plain');
  const part = fc.oneof(fc.constantFrom('info', 'OFF', 'dns=debug', 'dns::x=trace', ' a =warn'), fc.string());
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      try {
        log.directives = parts.join(',');
      } catch (e) {
        expect(e).toBeInstanceOf(MeshError);
      }
      const shown = log.directives;
      log.directives = shown;
      expect(log.directives).toBe(shown);
    }),
  );
});

test('times have microseconds, follow the wall clock when it is set, and roll over a second', () => {
  const time = { wall: Date.UTC(2026, 0, 1, 0, 0, 0, 999), monotonic: 50 };
  const lines: string[] = [];
  const log = new Log({
    format: 'plain',
    directives: 'info',
    write: (line) => lines.push(line.slice(0, 27)),
    clock: { now: () => ms(time.wall), monotonic: () => ms(time.monotonic) },
  });
  const at = (wall: number, monotonic: number): void => {
    Object.assign(time, { wall, monotonic });
    log.for('t').info('m');
  };
  at(time.wall, 50);
  at(time.wall, 50.25);
  at(time.wall + 1, 51.125);
  at(Date.UTC(2025, 5, 5), 52);
  expect(lines).toEqual([
    '2026-01-01T00:00:00.999000Z',
    '2026-01-01T00:00:00.999250Z',
    '2026-01-01T00:00:01.000125Z',
    '2025-06-05T00:00:00.000000Z',
  ]);
});
