// The option by which views of a waypoint are narrowed down to services.
import { Option } from 'commander';

export const serviceOption = (): Option => new Option('--service <part>', 'those whose service has this in its name');
