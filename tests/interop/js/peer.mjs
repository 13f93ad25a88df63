// SPDX-License-Identifier: LGPL-2.1-or-later

// The js-libp2p peer of the interop matrix: TCP, Noise or TLS, yamux, identify, ping and circuit relay with the defaults of
// the library wherever a flag does not say otherwise; and QUIC, which is quinn and rustls underneath. Flags and lines are
// those of ../PEERS.md.

import { noise } from '@chainsafe/libp2p-noise'
import { quic } from '@chainsafe/libp2p-quic'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPair, generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { readFileSync } from 'node:fs'
import { setDefaultCACertificates } from 'node:tls'
import { actions } from './actions.mjs'
import { parseOptions } from './options.mjs'
import { fail, line } from './output.mjs'
import { serve } from './serve.mjs'

function gater (allowed) {
  if (allowed.length === 0) return {}
  return {
    denyInboundEncryptedConnection: (peer) => {
      if (allowed.includes(peer.toString())) return false
      line('DENIED', peer)
      return true
    }
  }
}

function services (o) {
  const all = { identify: identify(), identifyPush: identifyPush(), ping: ping() }
  if (o.role === 'relay') {
    all.relay = circuitRelayServer({
      reservations: {
        reservationTtl: o.ttl * 1000,
        applyDefaultLimit: o.dataLimit > 0n || o.durationLimit > 0,
        defaultDataLimit: o.dataLimit,
        defaultDurationLimit: o.durationLimit * 1000
      }
    })
  }
  return all
}

function web (o) {
  if (o.webTrust != null) setDefaultCACertificates([readFileSync(o.webTrust, 'utf8')])
  if (o.webCertificate == null) return {}
  return { https: { cert: readFileSync(o.webCertificate), key: readFileSync(o.webKey) } }
}

// A seed is for Ed25519 only.
async function newKey (o) {
  const names = { ed25519: 'Ed25519', secp256k1: 'secp256k1', ecdsa: 'ECDSA', rsa: 'RSA' }
  if (names[o.keyType] == null) throw new Error(`key type ${o.keyType}`)
  if (o.seed != null && o.keyType === 'ed25519') return await generateKeyPairFromSeed('Ed25519', o.seed)
  return await generateKeyPair(names[o.keyType])
}

async function newNode (o) {
  return await createLibp2p({
    privateKey: await newKey(o),
    addresses: { listen: [...o.listen, ...o.relays.map((r) => `${r}/p2p-circuit`)] },
    transports: [tcp(), quic(), webSockets(web(o)), circuitRelayTransport()],
    connectionEncrypters: [o.security === 'tls' ? tls() : noise()],
    streamMuxers: [yamux()],
    connectionGater: gater(o.allow),
    connectionManager: {
      // the runner dials more often than the five times a second that are allowed to one host
      inboundConnectionThreshold: Infinity,
      // 300 streams opened at once share one event loop: on a busy machine one waits for more than 10 s
      ...(o.raiseLimits ? { inboundStreamProtocolNegotiationTimeout: 60_000, outboundStreamProtocolNegotiationTimeout: 60_000 } : {})
    },
    // and so does the ping every 10 s, which ends the connection when its answer takes more than 5 s
    connectionMonitor: { enabled: !o.raiseLimits },
    services: services(o),
    start: false
  })
}

function described (r) {
  const c = r.connection
  return JSON.stringify({
    peer: r.peerId.toString(),
    agent: r.agentVersion,
    protocolVersion: r.protocolVersion,
    protocols: r.protocols.toSorted(),
    listen: r.listenAddrs.map(String),
    observed: r.observedAddr?.toString(),
    record: r.signedPeerRecord != null,
    security: c.encryption,
    muxer: c.multiplexer,
    limited: c.limits != null,
    direction: c.direction,
    remote: c.remoteAddr.toString()
  })
}

function watch (node) {
  node.addEventListener('connection:open', ({ detail: c }) => {
    line('CONNECTED', c.remotePeer, c.direction, c.limits == null ? 'direct' : 'limited', c.remoteAddr)
  })
  node.addEventListener('connection:close', ({ detail: c }) => { line('DISCONNECTED', c.remotePeer) })
  node.addEventListener('peer:identify', ({ detail }) => { line('IDENTIFY', described(detail)) })
}

async function dial (node, o) {
  const identified = new Promise((resolve) => {
    node.addEventListener('peer:identify', ({ detail }) => {
      if (o.dial.endsWith(detail.peerId.toString())) resolve(described(detail))
    })
  })
  const connection = await node.dial(multiaddr(o.dial)).catch((err) => {
    fail(/does not match expected remote identity|Unexpected Peer/.test(err.message) ? 'mismatch' : 'connect', err)
  })
  const session = { node, connection, identified, options: o }

  for (const text of o.actions) {
    const [name, ...args] = text.split(':')
    if (!Object.hasOwn(actions, name)) fail('usage', `no action ${name}`)
    await actions[name](session, ...args.map(Number)).catch((err) => fail(name, err))
  }
  await node.stop()
  process.exit(0)
}

async function main (o) {
  const node = await newNode(o)

  watch(node)
  if (o.echo) await serve(node, o)
  await node.start()
  // node.getMultiaddrs() leaves public addresses out until somebody has confirmed them
  for (const a of node.components.transportManager.getAddrs()) {
    if (!a.toString().includes('p2p-circuit')) line('ADDR', `${a}/p2p/${node.peerId}`)
  }
  line('READY', node.peerId)

  if (o.dial == null) return
  setTimeout(() => fail('timeout', `after ${o.timeout} s`), o.timeout * 1000)
  await dial(node, o)
}

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
let options
try {
  options = parseOptions(process.argv.slice(2))
} catch (err) {
  fail('usage', err)
}
main(options).catch((err) => fail('start', err))
