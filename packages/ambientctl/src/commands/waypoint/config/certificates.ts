// `waypoint config certificates`: the waypoint's own certificate, with its chain.
import { certificateTable } from '../../certificate-rows.ts';
import type { WaypointView } from './dump.ts';

export const certificates: WaypointView = {
  name: 'certificates',
  aliases: ['cert', 'certs', 'certificate', 'secret'],
  about: 'its certificate',
  options: [],
  answer: (dump, _, now) => ({ ...certificateTable(dump.certificates, now), items: dump.certificates }),
};
