"""A small moderating bot on discord.py, to measure beside Guildhall. It looks at the beginning of every message; for
`$warn @somebody reason` of a moderator it writes a row and answers. How far it is, it says over HTTP."""

import os
import sqlite3

import discord
import yarl
from aiohttp import web

discord.http.Route.BASE = os.environ["SIM_API"] + "/v10"


class Bot(discord.Client):
    def __init__(self):
        intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
        super().__init__(intents=intents, chunk_guilds_at_startup=False)
        self.moderators = int(os.environ["MODERATORS"])
        self.messages = self.cases = 0
        self.rows = sqlite3.connect("cases-py.db")
        # The same promise as Guildhall's own database gives: a row that is written survives a loss of power.
        self.rows.execute("PRAGMA journal_mode = WAL")
        self.rows.execute("PRAGMA synchronous = FULL")
        self.rows.execute(
            "CREATE TABLE IF NOT EXISTS cases"
            " (number INTEGER PRIMARY KEY, guild TEXT, target TEXT, moderator TEXT, reason TEXT)"
        )
        self.rows.commit()

    async def setup_hook(self):
        answer = await self.http.get_bot_gateway()
        url = next(part for part in answer if isinstance(part, str))
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        application = web.Application()
        application.router.add_get("/", self.counts)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(os.environ["PORT"])).start()

    async def counts(self, request):
        counts = {"messages": self.messages, "cases": self.cases, "guilds": len(self.guilds), "store": "SQLite"}
        return web.json_response(counts)

    async def on_message(self, message: discord.Message):
        if message.author.bot:
            return
        self.messages += 1
        if not message.content.startswith("$"):
            return
        word, _, rest = message.content[1:].partition(" ")
        if word != "warn" or not message.mentions or message.author.get_role(self.moderators) is None:
            return
        target = message.mentions[0]
        reason = rest.partition(" ")[2]
        row = (str(message.guild.id), str(target.id), str(message.author.id), reason)
        case = self.rows.execute("INSERT INTO cases (guild, target, moderator, reason) VALUES (?, ?, ?, ?)", row)
        self.rows.commit()
        self.cases += 1
        await message.reply(f"{target.name} is warned, case {case.lastrowid}")


Bot().run(os.environ["SIM_TOKEN"], log_handler=None)
