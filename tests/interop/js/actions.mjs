// SPDX-License-Identifier: LGPL-2.1-or-later

import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { check, pattern } from './pattern.mjs'
import { Reader, send } from './reader.mjs'
import { line } from './output.mjs'

const RESET_CODE = Buffer.from([0, 0, 0x20, 0x42])

async function open (s, name) {
  const stream = await s.connection.newStream(`/peerup/${name}/1.0.0`,
    { runOnLimitedConnection: true, maxOutboundStreams: s.options.raiseLimits ? Infinity : undefined })
  return { stream, reader: new Reader(stream) }
}

// On our own connection: the ping service of the library dials another one when this one is limited.
async function pings (s, n, show) {
  const stream = await s.connection.newStream('/ipfs/ping/1.0.0', { runOnLimitedConnection: true })
  const reader = new Reader(stream)

  for (let i = 0; i < n; i++) {
    const [sent, start] = [randomBytes(32), performance.now()]
    await send(stream, sent)
    if (!(await reader.exactly(32)).equals(sent)) throw new Error('wrong bytes')
    show((performance.now() - start).toFixed(3))
  }
  await stream.close()
}

// Once a later ping is answered, what was written before it is at the other end.
async function settle (s) {
  await pings(s, 1, () => {})
}

async function ping (s, n = 1) {
  await pings(s, n, (ms) => line('PING', ms))
}

async function echoOne ({ stream, reader }, i, n) {
  const writing = (async () => {
    for (const b of pattern(i, n)) await send(stream, b)
    await stream.close()
  })()
  await Promise.all([writing, check(reader, i, n)])
}

async function openEcho (s) {
  const one = await open(s, 'echo')
  await send(one.stream, Buffer.from([0x5a]))
  if ((await one.reader.exactly(1))[0] !== 0x5a) throw new Error('wrong first byte')
  return one
}

async function echo (s, bytes = 1, n = 1) {
  const start = performance.now()
  const all = []
  // All are open at once then; opened at once they would share the 10 s in which a far side wants to know what each is.
  while (all.length < n) {
    all.push(...await Promise.all(Array.from({ length: Math.min(30, n - all.length) }, () => openEcho(s))))
  }

  await Promise.all(all.map((one, i) => echoOne(one, i, bytes)))
  line('ECHO ok', bytes * n, ((performance.now() - start) / 1000).toFixed(3))
}

async function identify (s) {
  line('IDENTIFY', await s.identified)
}

async function halfclose (s) {
  const sink = await open(s, 'sink')
  for (const b of pattern(1, 1 << 20)) await send(sink.stream, b)
  await sink.stream.close()
  const count = (await sink.reader.exactly(8)).readBigUInt64BE()
  if (count !== 1n << 20n) throw new Error(`sink counted ${count}`)

  const source = await open(s, 'source')
  const n = await source.reader.drain()
  for (const b of pattern(2, 64 << 10)) await send(source.stream, b)
  await source.stream.close()
  await settle(s)
  line('HALFCLOSE ok', n)
}

async function reset (s) {
  const remote = await open(s, 'reset')
  await send(remote.stream, RESET_CODE)
  const n = await remote.reader.drain().catch((err) => {
    if (remote.stream.status !== 'reset') throw err
    return -1
  })
  if (n !== -1) throw new Error(`end of file after ${n} bytes instead of a reset`)
  line('RESET remote 0x0')

  const local = await open(s, 'echo')
  await send(local.stream, RESET_CODE)
  await local.reader.exactly(4)
  local.stream.abort(new Error('as told'))
  await settle(s)
  line('RESET ok')
}

async function pingpong (s) {
  const start = performance.now()
  const stream = await s.connection.newStream('/pingpong/1.0.0', { runOnLimitedConnection: true })
  const reader = new Reader(stream)

  await send(stream, Buffer.from('ping\n'))
  const text = (await reader.exactly(5)).toString()
  await stream.close()
  if (text !== 'pong\n') throw new Error(`got ${JSON.stringify(text)}`)
  line('PINGPONG', (performance.now() - start).toFixed(3))
}

async function unknown (s) {
  const refused = await open(s, 'no-such').then(() => false, (err) => {
    if (err.name !== 'UnsupportedProtocolError') throw err
    return true
  })
  if (!refused) throw new Error('an unknown protocol was accepted')
  if (s.connection.status !== 'open') throw new Error('the connection is gone')
  line('UNKNOWN refused')
}

async function wait (s, seconds = 1) {
  await sleep(seconds * 1000)
  if (s.connection.status !== 'open') throw new Error('the connection is gone')
  line('WAIT ok')
}

export const actions = { ping, echo, identify, halfclose, reset, pingpong, unknown, wait }
