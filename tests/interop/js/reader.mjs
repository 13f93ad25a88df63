// SPDX-License-Identifier: LGPL-2.1-or-later

// Pulls from a stream, which pushes: attached when the stream is new, so that neither bytes nor its end are missed.
export class Reader {
  #chunks = []
  #ended = false
  #error = null
  #wake = () => {}

  constructor (stream) {
    stream.addEventListener('message', (e) => { this.#chunks.push(e.data.subarray()); this.#wake() })
    stream.addEventListener('end', () => {
      if (stream.status !== 'reset' && stream.status !== 'aborted') this.#finish(null)
    })
    stream.addEventListener('close', (e) => { this.#finish(e.error ?? null) })
    if (stream.readableEnded) this.#ended = true
  }

  #finish (error) {
    if (!this.#ended) this.#error = error
    this.#ended = true
    this.#wake()
  }

  // The next bytes, or null at the end; throws what reset the stream.
  async next () {
    while (this.#chunks.length === 0) {
      if (this.#error != null) throw this.#error
      if (this.#ended) return null
      await new Promise((resolve) => { this.#wake = resolve })
    }
    return this.#chunks.shift()
  }

  async exactly (n) {
    const parts = []
    for (let have = 0; have < n;) {
      const b = await this.next()
      if (b == null) throw new Error(`end of file after ${have} of ${n} bytes`)
      parts.push(b)
      have += b.length
    }
    const all = Buffer.concat(parts)
    if (all.length > n) this.#chunks.unshift(all.subarray(n))
    return all.subarray(0, n)
  }

  // Reads to the end and counts.
  async drain () {
    let n = 0
    for (let b; (b = await this.next()) != null;) n += b.length
    return n
  }
}

export async function send (stream, bytes) {
  if (!stream.send(bytes)) await stream.onDrain()
}
