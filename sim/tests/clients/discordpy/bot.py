"""A small bot on discord.py, as its own documentation would write it; only the addresses differ."""

import logging
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


class Menus(discord.ui.View):
    @discord.ui.select(
        custom_id="level",
        options=[discord.SelectOption(label="Low", value="1"), discord.SelectOption(label="High", value="2")],
    )
    async def level(self, interaction: discord.Interaction, select: discord.ui.Select):
        await interaction.response.edit_message(content=f"level {select.values[0]}")

    @discord.ui.select(cls=discord.ui.UserSelect, custom_id="who")
    async def who(self, interaction: discord.Interaction, select: discord.ui.UserSelect):
        await interaction.response.edit_message(content=f"about {select.values[0].name}")


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
        if message.author.bot:
            return
        word, *rest = message.content.split(" ")
        if word == "!role":
            member = message.mentions[0]
            role = await message.guild.create_role(name="helper", reason="asked")
            await member.add_roles(role, reason="asked")
            fresh = await message.guild.fetch_member(member.id)
            names = ", ".join(role.name for role in fresh.roles if not role.is_default())
            await message.reply(f"{member.name} has {names}")
            return
        if word == "!ban":
            target = message.mentions[0]
            await message.guild.ban(target, reason=" ".join(rest[1:]), delete_message_seconds=60)
            ban = await message.guild.fetch_ban(target)
            await message.reply(f"banned for {ban.reason}")
            return
        if message.content != "ping":
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


@bot.tree.command(description="Show menus")
async def menu(interaction: discord.Interaction):
    await interaction.response.send_message("Choose", view=Menus())


@bot.tree.context_menu(name="Inspect")
async def inspect(interaction: discord.Interaction, user: discord.User):
    await interaction.response.send_message(f"{user.name} reads {interaction.locale}")


@bot.tree.context_menu(name="Report")
async def report(interaction: discord.Interaction, message: discord.Message):
    await interaction.response.send_message(f"noted: {message.content}", ephemeral=True)


@bot.tree.command(name="too-much", description="Break a limit")
async def too_much(interaction: discord.Interaction):
    try:
        await interaction.response.send_message("x" * 2001)
    except discord.HTTPException as error:
        where = error.text.split("\n")[1]
        await interaction.response.send_message(f"refused: {error.code} {where}")


bot.run(os.environ["SIM_TOKEN"], log_level=logging.WARNING)
