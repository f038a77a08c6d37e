// What waypoints are told of the mesh as a whole: the mesh configuration, with the services of its providers found. Pure.
import type { MeshSettings, Provider } from '@ambient-mesh/model/l7/settings';
import type { MeshDefaults, TranslateSettings } from '../settings.ts';
import { keyOf, type RouteLookUp } from './route-look-up.ts';

export interface TranslatedMesh {
  readonly settings: MeshSettings;
  /** For people. */
  readonly problems: readonly string[];
}

export function meshSettings(defaults: MeshDefaults, look: Pick<RouteLookUp, 'named'>, settings: TranslateSettings): TranslatedMesh {
  const { trustDomain, rootNamespace } = settings;
  const problems: string[] = [];
  const providers = defaults.providers.map((provider): Provider => {
    if (!('service' in provider)) return provider;
    const found = serviceOf(provider.service, look);
    if (found === undefined) problems.push(`provider ${provider.name}: there is no service ${provider.service}`);
    // Kept as it is: whoever asks for the provider learns that it cannot be reached, and fails open or closed as it was told to.
    return { ...provider, service: found ?? provider.service };
  });
  return { settings: { ...defaults, trustDomain, rootNamespace, providers }, problems };
}

function serviceOf(written: string, look: Pick<RouteLookUp, 'named'>): string | undefined {
  const slash = written.indexOf('/');
  const [namespace, hostname] = slash < 0 ? [undefined, written] : [written.slice(0, slash), written.slice(slash + 1)];
  const found = look.named(hostname.toLowerCase()).find((target) => namespace === undefined || target.namespace === namespace);
  return found && keyOf(found);
}
