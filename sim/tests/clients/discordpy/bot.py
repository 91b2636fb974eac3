"""A small bot on discord.py, as its own documentation would write it; only the addresses differ."""

import os

import discord
import yarl
from discord import app_commands

discord.http.Route.BASE = os.environ["SIM_API"] + "/v10"


class Wave(discord.ui.View):
    @discord.ui.button(label="Wave", style=discord.ButtonStyle.primary, custom_id="wave")
    async def wave(self, interaction: discord.Interaction, button: discord.ui.Button):
        await interaction.response.edit_message(content=f"{interaction.user.name} waved", view=None)


class Form(discord.ui.Modal, title="A form"):
    why = discord.ui.TextInput(label="Why?", custom_id="why")

    async def on_submit(self, interaction: discord.Interaction):
        await interaction.response.send_message(f"Because {self.why.value}")


class Done(discord.ui.LayoutView):
    container = discord.ui.Container(discord.ui.TextDisplay("# Done"))


class Bot(discord.Client):
    def __init__(self):
        intents = discord.Intents.default()
        intents.message_content = True
        intents.members = True
        super().__init__(intents=intents)
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self):
        answer = await self.http.get_bot_gateway()
        url = next(part for part in answer if isinstance(part, str))
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        await self.tree.sync()

    async def on_message(self, message: discord.Message):
        if message.author.bot or message.content != "ping":
            return
        await message.reply("pong")
        thread = await message.create_thread(name="talk")
        await thread.send("in the thread")


bot = Bot()


@bot.tree.command(description="Say hello")
async def greet(interaction: discord.Interaction, name: str):
    await interaction.response.send_message(f"Hello {name}", view=Wave())


@bot.tree.command(description="Think first")
async def slow(interaction: discord.Interaction):
    await interaction.response.defer(ephemeral=True)
    await interaction.edit_original_response(view=Done())
    await interaction.followup.send("and more", ephemeral=True)


@bot.tree.command(description="Ask with a form")
async def ask(interaction: discord.Interaction):
    await interaction.response.send_modal(Form())


@bot.tree.command(description="Pick a fruit")
async def pick(interaction: discord.Interaction, fruit: str):
    await interaction.response.send_message(f"You picked {fruit}")


@pick.autocomplete("fruit")
async def fruits(interaction: discord.Interaction, typed: str):
    known = ["apple", "apricot", "pear"]
    return [app_commands.Choice(name=fruit, value=fruit) for fruit in known if fruit.startswith(typed)]


@bot.tree.command(name="too-much", description="Break a limit")
async def too_much(interaction: discord.Interaction):
    try:
        await interaction.response.send_message("x" * 2001)
    except discord.HTTPException as error:
        where = error.text.split("\n")[1]
        await interaction.response.send_message(f"refused: {error.code} {where}")


bot.run(os.environ["SIM_TOKEN"], log_handler=None)
