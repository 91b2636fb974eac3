// A real Minecraft player, steered by lines of JSON on standard input and telling what it sees on standard
// output: {"do":"join","host":"127.0.0.1","port":25565,"name":"Alex"} -> {"event":"joined"} and so on.
'use strict'

const mineflayer = require('mineflayer')
const readline = require('readline')

const tell = (event) => process.stdout.write(JSON.stringify(event) + '\n')
let bot = null

const actions = {
  join ({ host, port, name, version }) {
    bot = mineflayer.createBot({ host, port, username: name, version, auth: 'offline' })
    bot.once('spawn', () => tell({ event: 'joined', name }))
    bot.on('message', (message) => tell({ event: 'heard', text: message.toString() }))
    bot.on('kicked', (reason) => tell({ event: 'kicked', reason: JSON.stringify(reason) }))
    bot.on('error', (error) => tell({ event: 'error', message: error.message }))
    bot.on('end', (reason) => tell({ event: 'left', reason: String(reason) }))
  },
  chat ({ text }) {
    bot.chat(text)
    tell({ event: 'said', text })
  },
  // Digs away the block under the player's feet and says where it was.
  async dig () {
    await bot.waitForChunksToLoad()
    const at = bot.entity.position.offset(0, -1, 0).floored()
    const before = bot.blockAt(at).name
    await bot.dig(bot.blockAt(at))
    tell({ event: 'dug', x: at.x, y: at.y, z: at.z, before, after: bot.blockAt(at).name })
  },
  // Names the block at a place.
  async look ({ x, y, z }) {
    await bot.waitForChunksToLoad()
    const at = bot.entity.position.clone()
    at.set(x, y, z)
    const block = bot.blockAt(at)
    tell({ event: 'seen', x, y, z, block: block ? block.name : 'not loaded' })
  },
  leave () {
    bot.quit()
  }
}

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  try {
    const { do: action, ...input } = JSON.parse(line)
    await actions[action](input)
  } catch (error) {
    tell({ event: 'error', message: error.message })
  }
}).on('close', () => process.exit(0))
