// A WasmPlugin with targetRefs as waypoints run it (facts: control-plane §6.2). Pure.
// A module that cannot be had is sent all the same: whether requests pass without it is for its failStrategy to say.
import type { WasmFilter } from '@ambient-mesh/model/l7/policy';
import type { WasmPlugin } from '../kinds/wasm-plugin.ts';
import type { TranslateSettings } from '../settings.ts';
import { attach, type PolicyLookUp, type TranslatedPolicy } from './policy-attachment.ts';

const phases = ['AUTHN', 'AUTHZ', 'STATS'] as const;

export function wasmPlugin(object: WasmPlugin, look: PolicyLookUp, settings: TranslateSettings): TranslatedPolicy<WasmFilter> {
  return attach(object, look, settings, (heading, problems) => {
    if (object.type === 'NETWORK') return nothing(problems, 'plugins of type NETWORK are not run: waypoints filter HTTP only');
    // Waypoints stand before the server.
    const matches = object.match.filter(({ mode }) => mode !== 'CLIENT');
    if (matches.length === 0 && object.match.length > 0)
      return nothing(problems, 'every match is for mode CLIENT, and waypoints are servers');
    if (!/^(file|https?):\/\/./.test(object.url)) problems.push('url must begin with file://, http:// or https://: images are not fetched');
    const env = object.env.filter(({ name, valueFrom }) => {
      if (valueFrom !== 'INLINE') problems.push(`vmConfig.env ${name} is left out: a waypoint hands out nothing of its own environment`);
      return valueFrom === 'INLINE' && name !== '';
    });
    return {
      ...heading,
      phase: phases.find((each) => each === object.phase) ?? 'UNSPECIFIED',
      priority: object.priority,
      url: object.url,
      ...(object.sha256 !== '' && { sha256: object.sha256.toLowerCase() }),
      pluginConfig: JSON.stringify(object.config),
      pluginName: object.pluginName,
      failOpen: object.failStrategy === 'FAIL_OPEN',
      ports: matches.some(({ ports }) => ports.length === 0) ? [] : [...new Set(matches.flatMap(({ ports }) => ports))],
      env: env.map(({ name, value }) => [name, value]),
    };
  });
}

function nothing(problems: string[], problem: string): undefined {
  problems.push(problem);
}
