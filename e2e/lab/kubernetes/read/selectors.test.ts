// Label and field selectors: what they match, and that no text of a client's breaks them.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KindRegistry, type Resource } from '../kinds/registry.ts';
import { StatusError } from '../status-error.ts';
import { KubeStore } from '../store/kube-store.ts';
import { fieldSelector } from './field-selector.ts';
import { labelSelector } from './label-selector.ts';

const labels = { app: 'web', 'istio.io/rev': 'default', empty: '', size: '5' };

const labelRows: readonly (readonly [selector: string, matches: boolean])[] = [
  ['', true],
  ['app=web', true],
  ['app==web', true],
  [' app = web ', true],
  ['app=db', false],
  ['app!=db', true],
  ['other!=db', true],
  ['app!=web', false],
  ['app', true],
  ['other', false],
  ['!other', true],
  ['!app', false],
  ['app in (web,db)', true],
  ['app in ( db )', false],
  ['app notin (db)', true],
  ['app notin (web)', false],
  ['other notin (web)', true],
  ['istio.io/rev=default', true],
  ['empty=', true],
  ['app=', false],
  ['empty in ()', true],
  ['app=web,size=5', true],
  ['app=web,size=6', false],
  ['size>4', true],
  ['size>5', false],
  ['size<6', true],
  ['app>4', false],
  ['constructor', false],
  ['in', false],
];

const badLabels = [
  'app in web',
  'app in (web',
  '=web',
  'app=web app=db',
  ',',
  'app=a,',
  'size>x',
  '!',
  '!=x',
  'app (web)',
  'app in (a b)',
  'app=(x)',
];

const resourceOf = (group: string, version: string, plural: string): Resource => {
  using kinds = new KindRegistry(new KubeStore());
  const found = kinds.find(group, version, plural);
  if (found === undefined) throw new Error(`no ${plural}`);
  return found;
};

describe('a label selector', () => {
  test.each(labelRows)('%j matches: %s', (selector, matches) => {
    expect(labelSelector(selector)(labels)).toBe(matches);
  });

  test.each(badLabels)('%j is refused', (selector) => {
    expect(() => labelSelector(selector)).toThrow(expect.objectContaining({ code: 400 }));
  });

  test('any text selects or is refused, and any equality selects what it says', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          labelSelector(text)(labels);
        } catch (e) {
          expect(e).toBeInstanceOf(StatusError);
        }
      }),
    );
    const word = fc.stringMatching(/^[a-z0-9][a-z0-9./-]{0,9}$/);
    fc.assert(
      fc.property(word, word, (key, value) => {
        expect(labelSelector(`${key}=${value}`)({ [key]: value })).toBe(true);
        expect(labelSelector(`${key}!=${value}`)({ [key]: value })).toBe(false);
      }),
    );
  });
});

describe('a field selector', () => {
  const pods = resourceOf('', 'v1', 'pods');
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n' },
    spec: { nodeName: 'a,b' },
    status: { phase: 'Running' },
  };
  const rows: readonly (readonly [selector: string, matches: boolean])[] = [
    ['metadata.name=p', true],
    ['metadata.name==p,metadata.namespace=n', true],
    ['metadata.name!=p', false],
    ['spec.nodeName=a\\,b', true],
    ['spec.nodeName=', false],
    ['status.podIP=', true],
    ['spec.hostNetwork=false', true],
    ['status.phase!=Running', false],
  ];
  test.each(rows)('%j matches: %s', (selector, matches) => {
    expect(fieldSelector(selector, pods)(pod)).toBe(matches);
  });

  test.each(['spec.colour=red', 'nonsense', 'metadata.labels=x'])('%j is refused', (selector) => {
    expect(() => fieldSelector(selector, pods)).toThrow(expect.objectContaining({ code: 400 }));
  });

  test('both faces of events are asked in their own words', () => {
    const stored = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: { name: 'p' },
      reportingComponent: 'kubelet',
    };
    expect(fieldSelector('regarding.name=p', resourceOf('events.k8s.io', 'v1', 'events'))(stored)).toBe(true);
    expect(fieldSelector('involvedObject.name=p,source=kubelet', resourceOf('', 'v1', 'events'))(stored)).toBe(true);
  });

  test('any text selects or is refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          fieldSelector(text, pods)(pod);
        } catch (e) {
          expect(e).toBeInstanceOf(StatusError);
        }
      }),
    );
  });
});
