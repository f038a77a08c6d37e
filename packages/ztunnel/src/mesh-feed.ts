// Takes every change of the mesh in the main thread: keeps main's own copy, forwards it to the data threads, and has certificates fetched and forgotten.
// Fed by the xDS client and the local file.
import type { CertificateBook } from '@ambient-mesh/identity/certificate-book';
import type { MeshDelta } from '@ambient-mesh/model/delta';
import type { Mesh, MeshChange } from '@ambient-mesh/model/mesh';
import type { Workload } from '@ambient-mesh/model/workload';
import type { DataPlane } from './dataplane/data-plane.ts';

export interface MeshFeed {
  readonly mesh: Mesh;
  readonly plane: DataPlane;
  /** Undefined in dedicated mode, which fetches its one certificate on first use and keeps it. */
  readonly book: CertificateBook | undefined;
  /** The mesh's copies have come apart: nothing is left but to stop. */
  readonly onLost: (why: unknown) => void;
}

/** Synchronous in this thread; the data threads follow in order. */
export function feed({ mesh, plane, book, onLost }: MeshFeed, delta: MeshDelta): void {
  const change = mesh.apply(delta);
  plane.send({ do: 'mesh', delta }).catch(onLost);
  if (book !== undefined) keepCertificates(mesh, book, change);
}

/** Certificates are fetched ahead for pods of this node that can be reached by tunnel, and dropped with the last of its workloads here. */
function keepCertificates(mesh: Mesh, book: CertificateBook, change: MeshChange): void {
  for (const { before, after } of change.workloads) {
    if (after !== undefined && mesh.isLocal(after) && wantsCertificate(after)) book.prefetch(after.identity);
    if (before !== undefined && !mesh.usesLocally(before.identity)) book.forget(before.identity);
  }
}

const wantsCertificate = (w: Workload): boolean => w.protocol === 'HBONE' || w.nativeTunnel;
