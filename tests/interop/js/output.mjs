// SPDX-License-Identifier: LGPL-2.1-or-later

import { writeSync } from 'node:fs'

// Synchronous, so that a line is out before anything that follows it, process.exit() too.
export function line (...words) {
  writeSync(1, words.join(' ').replaceAll('\n', ' ') + '\n')
}

export function fail (stage, err) {
  line('FAIL', stage, err?.message ?? err)
  process.exit(1)
}
