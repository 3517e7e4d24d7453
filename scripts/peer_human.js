// Reads RGB frames on stdin (`node peer_human.js FOLDER WIDTH HEIGHT`) and reads each face as
// Jitsi Meet configures @vladmandic/human for expressions; one line of JSON for each frame.
// FOLDER holds node_modules. The WASM backend: the one Jitsi takes where there is no GPU.

const fs = require('node:fs')
const path = require('node:path')
const { fileURLToPath } = require('node:url')

const [folder, width, height] = process.argv.slice(2)
const modules = path.resolve(folder, 'node_modules')
const { Human } = require(path.join(modules, '@vladmandic/human/dist/human.node-wasm.js'))
// Models are read from disk; Node's own fetch takes no file: addresses.
globalThis.fetch = async url => new Response(fs.readFileSync(fileURLToPath(url)))
const off = { enabled: false }
const human = new Human({
  backend: 'wasm',
  wasmPath: path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'),
  modelBasePath: `file://${path.join(modules, '@vladmandic/human/models/')}`,
  async: true,
  warmup: 'none',
  cacheModels: true,
  cacheSensitivity: 0,
  debug: false,
  deallocate: true,
  filter: off,
  face: {
    enabled: true,
    detector: { enabled: true, rotation: false, modelPath: 'blazeface.json' },
    mesh: off,
    iris: off,
    emotion: { enabled: true, modelPath: 'emotion.json' },
    description: process.env.PEER_DESCRIPTION ? { enabled: true, modelPath: 'faceres.json' } : off
  },
  hand: off,
  gesture: off,
  body: off,
  segmentation: off
})

async function * frames () {
  const size = Number(width) * Number(height) * 3
  let kept = Buffer.alloc(0)
  for await (const piece of process.stdin) {
    kept = Buffer.concat([kept, piece])
    for (; kept.length >= size; kept = kept.subarray(size)) yield kept.subarray(0, size)
  }
}

async function main () {
  await human.load()
  for await (const frame of frames()) {
    const tensor = human.tf.tensor3d(new Uint8Array(frame), [Number(height), Number(width), 3], 'int32')
    const { face } = await human.detect(tensor)
    human.tf.dispose(tensor)
    const emotion = face[0]?.emotion?.[0]?.emotion ?? null
    const cpu = process.cpuUsage()
    const cpuS = (cpu.user + cpu.system) / 1e6
    process.stdout.write(`${JSON.stringify({ emotion, cpu_s: cpuS, rss_mib: process.memoryUsage().rss / 2 ** 20 })}\n`)
  }
}

main().catch(error => { console.error(error); process.exit(1) })
