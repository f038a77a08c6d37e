// A record of the access log as one line for people. Pure. Nothing in it can reach the terminal as a command: names and errors come from peers.
import { oneLine } from '../table.ts';
import { bytesText } from '../units.ts';
import type { AccessRecord, Party } from './record.ts';

/** @param by the pod that told it @param colourful whether red and yellow may be used */
export function recordText(record: AccessRecord, by: string, colourful: boolean): string {
  const { time, from, to, service, direction, request, durationMs, sentBytes, receivedBytes } = record;
  const end = [partyText(to), service === '' ? '' : `(${service})`].filter((each) => each !== '').join(' ');
  const who = [
    time.replace(/^\d{4}-\d\d-\d\dT/, '').replace(/(\.\d{3})\d+/, '$1'),
    `${direction.padEnd(8)} ${by}`,
    `${partyText(from)} -> ${end}`,
    ...(request === '' ? [] : [request]),
  ];
  const amounts = `${bytesText(sentBytes)} out, ${bytesText(receivedBytes)} back, ${durationMs}ms`;
  return [...who.map((part) => oneLine(part).trim()), resultText(record, colourful), amounts].join('  ');
}

const partyText = ({ workload, namespace, address }: Party): string =>
  workload === '' ? address || 'unknown' : `${namespace}/${workload}${/:\d+$/.exec(address)?.[0] ?? ''}`;

function resultText({ outcome, status, policy, error }: AccessRecord, colourful: boolean): string {
  const code = status > 0 ? ` ${status}` : '';
  if (outcome === 'ok') return `ok${code}`;
  const why = oneLine(error).trim();
  const text = outcome === 'denied' ? `DENIED${code}${policy === '' ? '' : ` by ${oneLine(policy)}`}` : `FAILED${code}`;
  const head = colourful ? `\u001b[${outcome === 'denied' ? 31 : 33}m${text}\u001b[0m` : text;
  return why === '' ? head : `${head}: ${why}`;
}
