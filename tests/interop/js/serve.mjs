// SPDX-License-Identifier: LGPL-2.1-or-later

import { pattern } from './pattern.mjs'
import { Reader, send } from './reader.mjs'
import { line } from './output.mjs'

async function echo (stream) {
  const reader = new Reader(stream)

  try {
    for (let b; (b = await reader.next()) != null;) await send(stream, b)
  } catch (err) {
    if (stream.status === 'reset') line('RESET echo 0x0')
    throw err
  }
  await stream.close()
}

async function sink (stream) {
  const answer = Buffer.alloc(8)

  answer.writeBigUInt64BE(BigInt(await new Reader(stream).drain()))
  await send(stream, answer)
  await stream.close()
}

async function source (stream, bytes) {
  const reader = new Reader(stream)

  for (const b of pattern(0, bytes)) await send(stream, b)
  await stream.close()
  line('SOURCE sent', bytes, 'read', await reader.drain())
}

// js-libp2p has no codes: its resets are always 0.
async function reset (stream) {
  await new Reader(stream).exactly(4)
  stream.abort(new Error('asked for'))
}

async function pingpong (stream) {
  const reader = new Reader(stream)
  let text = ''

  while (!text.includes('\n') && text.length < 1024) {
    const b = await reader.next()
    if (b == null) break
    text += Buffer.from(b).toString() // WebSocket's is a bare Uint8Array
  }
  if (text.includes('\n')) await send(stream, Buffer.from(text.trim() === 'ping' ? 'pong\n' : 'unknown\n'))
  await stream.close()
}

const handlers = {
  '/peerup/echo/1.0.0': echo,
  '/peerup/sink/1.0.0': sink,
  '/peerup/source/1.0.0': source,
  '/peerup/reset/1.0.0': reset,
  '/pingpong/1.0.0': pingpong
}

export async function serve (node, o) {
  const limits = { runOnLimitedConnection: true }
  if (o.raiseLimits) limits.maxInboundStreams = limits.maxOutboundStreams = Infinity

  for (const [id, handler] of Object.entries(handlers)) {
    await node.handle(id, (stream) => handler(stream, o.bytes).catch((err) => stream.abort(err)), limits)
  }
}
