// What this build is, as `ztunnel version`, config_dump and istio_build show it.
// Field names are those that other people's tools read; the ones that name Rust keep their names and say what is really there.
import packageJson from '../package.json' with { type: 'json' };

export interface Version {
  readonly version: string;
  readonly gitRevision: string;
  readonly rustVersion: string;
  readonly buildProfile: string;
  readonly buildStatus: string;
  readonly istioVersion: string;
  readonly cryptoProvider: string;
}

export const version = (istioVersion: string): Version => ({
  version: packageJson.version,
  gitRevision: 'unknown',
  rustVersion: `none (Node ${process.versions.node})`,
  buildProfile: 'release',
  buildStatus: 'Clean',
  istioVersion,
  cryptoProvider: `OpenSSL ${process.versions.openssl}`,
});
