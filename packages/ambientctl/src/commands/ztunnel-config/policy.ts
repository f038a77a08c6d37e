// `ztunnel-config policy`: the authorization policies that a ztunnel enforces.
import { textOf } from '@ambient-mesh/kube/raw';
import { Option } from 'commander';
import { isWanted } from '../../dump-views.ts';
import type { ZtunnelView } from './view.ts';

export const policies: ZtunnelView = {
  name: 'policy',
  aliases: ['p', 'pol', 'policies'],
  about: 'the policies that are enforced',
  options: [new Option('--policy-namespace <name>', 'those of this namespace')],
  answer(dump, flags) {
    const items = dump.policies.filter(({ namespace }) => isWanted(flags.policyNamespace, textOf(namespace)));
    return {
      columns: ['NAMESPACE', 'POLICY NAME', 'ACTION', 'SCOPE'],
      rows: items.map(({ namespace, name, action, scope }) => [namespace, name, action, scope].map(textOf)),
      items,
    };
  },
};
