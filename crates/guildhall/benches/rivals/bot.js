// A small moderating bot on discord.js, to measure beside Guildhall. It looks at the beginning of every message; for
// `$warn @somebody reason` of a moderator it writes a row and answers. How far it is, it says over HTTP.
import { fsyncSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { Client, Events, GatewayIntentBits } from 'discord.js';

const counts = { messages: 0, cases: 0, guilds: 0, store: '' };

// SQLite's binding is compiled on the machine; where that did not work, each row is a line that is safe on disk.
async function rows() {
  try {
    const { default: Database } = await import('better-sqlite3');
    const database = new Database('cases-js.db');
    // The same promise as Guildhall's own database gives: a row that is written survives a loss of power.
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.exec('CREATE TABLE IF NOT EXISTS cases'
      + ' (number INTEGER PRIMARY KEY, guild TEXT, target TEXT, moderator TEXT, reason TEXT)');
    const insert = database.prepare('INSERT INTO cases (guild, target, moderator, reason) VALUES (?, ?, ?, ?)');
    counts.store = 'SQLite';
    return (...row) => insert.run(...row).lastInsertRowid;
  } catch {
    const file = openSync('cases.jsonl', 'a');
    counts.store = 'lines of JSON with fsync, because better-sqlite3 could not be compiled';
    return (...row) => {
      writeSync(file, `${JSON.stringify(row)}\n`);
      fsyncSync(file);
      return counts.cases + 1;
    };
  }
}

const write = await rows();
const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.MessageContent],
  rest: { api: process.env.SIM_API },
});

client.on(Events.MessageCreate, async (message) => {
  if (message.author.bot) return;
  counts.messages += 1;
  if (!message.content.startsWith('$')) return;
  const [word, , ...rest] = message.content.slice(1).split(' ');
  const target = message.mentions.users.first();
  if (word !== 'warn' || !target || !message.member?.roles.cache.has(process.env.MODERATORS)) return;
  const number = write(message.guildId, target.id, message.author.id, rest.join(' '));
  counts.cases += 1;
  await message.reply(`${target.username} is warned, case ${number}`);
});

createServer((request, response) => {
  counts.guilds = client.guilds.cache.filter((guild) => guild.available).size;
  response.setHeader('content-type', 'application/json').end(JSON.stringify(counts));
}).listen(Number(process.env.PORT), '127.0.0.1');

await client.login(process.env.SIM_TOKEN);
