// `ztunnel-config certificate`: the certificates that a ztunnel holds for the pods of its node, each with its chain.
import { certificateTable } from '../certificate-rows.ts';
import type { ZtunnelView } from './view.ts';

export const certificates: ZtunnelView = {
  name: 'certificate',
  aliases: ['cert', 'certs', 'certificates'],
  about: 'the certificates of the pods on its node',
  options: [],
  answer: (dump, _, now) => ({ ...certificateTable(dump.certificates, now), items: dump.certificates }),
};
