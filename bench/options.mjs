// The options of a benchmark: --name value, and --smoke for a run whose figures mean nothing.
//
// SPDX-License-Identifier: MIT
import { parseArgs } from 'node:util';

// All are texts. `smoke` names what is less in such a run; one without a default is undefined.
export function parse(defaults, smoke) {
  const known = { smoke: { type: 'boolean' } };
  for (const name of Object.keys(defaults)) known[name] = { type: 'string' };
  const { values } = parseArgs({ options: known });
  return { ...defaults, ...(values.smoke ? smoke : {}), ...values };
}
