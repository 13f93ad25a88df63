// SPDX-License-Identifier: LGPL-2.1-or-later

// The flags of ../PEERS.md that js-libp2p has a use for. Applications choose what secures them, most of them Noise: that
// is `default`.

const flags = {
  role: (o, v) => { o.role = v },
  key: (o, v) => { o.seed = Buffer.from(v, 'hex') },
  'key-type': (o, v) => { o.keyType = v },
  listen: (o, v) => { o.listen.push(v) },
  relay: (o, v) => { o.relays.push(v) },
  bytes: (o, v) => { o.bytes = Number(v) },
  security: (o, v) => { o.security = v },
  allow: (o, v) => { o.allow.push(v) },
  'data-limit': (o, v) => { o.dataLimit = BigInt(v) },
  'duration-limit': (o, v) => { o.durationLimit = Number(v) },
  ttl: (o, v) => { o.ttl = Number(v) },
  timeout: (o, v) => { o.timeout = Number(v) },
  dial: (o, v) => { o.dial = v },
  'web-certificate': (o, v) => { o.webCertificate = v },
  'web-key': (o, v) => { o.webKey = v },
  'web-trust': (o, v) => { o.webTrust = v }
}
const switches = {
  echo: (o) => { o.echo = true },
  'raise-limits': (o) => { o.raiseLimits = true }
}

export function parseOptions (args) {
  const o = {
    role: 'node', keyType: 'ed25519', listen: [], relays: [], bytes: 1 << 20, allow: [], timeout: 60,
    dataLimit: 131072n, durationLimit: 120, ttl: 3600, actions: []
  }

  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--?/, '')
    if (name === args[i]) {
      o.actions = args.slice(i)
      break
    }
    if (Object.hasOwn(switches, name)) {
      switches[name](o)
    } else if (Object.hasOwn(flags, name) && i + 1 < args.length) {
      flags[name](o, args[++i])
    } else {
      throw new Error(`flag ${args[i]}`)
    }
  }
  if (o.seed != null && o.seed.length !== 32) throw new Error('--key wants 64 hex digits')
  if (o.role !== 'node' && o.role !== 'relay') throw new Error(`role ${o.role}`)
  return o
}
