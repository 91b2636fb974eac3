// A small bot on discord.js, as its own documentation would write it; only the API address differs.
import {
  ActionRowBuilder, ApplicationCommandType, ButtonBuilder, ButtonStyle, Client, ContainerBuilder,
  ContextMenuCommandBuilder, Events, GatewayIntentBits, MessageFlags, ModalBuilder, SlashCommandBuilder,
  StringSelectMenuBuilder, TextDisplayBuilder, TextInputBuilder, TextInputStyle, UserSelectMenuBuilder,
} from 'discord.js';

const client = new Client({
  intents: [
    GatewayIntentBits.Guilds, GatewayIntentBits.GuildMembers, GatewayIntentBits.GuildMessages,
    GatewayIntentBits.MessageContent,
  ],
  rest: { api: process.env.SIM_API },
});

const commands = [
  new SlashCommandBuilder().setName('greet').setDescription('Say hello')
    .addStringOption((option) => option.setName('name').setDescription('Whom').setRequired(true)),
  new SlashCommandBuilder().setName('slow').setDescription('Think first'),
  new SlashCommandBuilder().setName('ask').setDescription('Ask with a form'),
  new SlashCommandBuilder().setName('pick').setDescription('Pick a fruit')
    .addStringOption((option) => option.setName('fruit').setDescription('Which').setAutocomplete(true)),
  new SlashCommandBuilder().setName('menu').setDescription('Show menus'),
  new ContextMenuCommandBuilder().setName('Inspect').setType(ApplicationCommandType.User),
  new ContextMenuCommandBuilder().setName('Report').setType(ApplicationCommandType.Message),
  new SlashCommandBuilder().setName('too-much').setDescription('Break a limit'),
];

client.once(Events.ClientReady, async () => {
  await client.application.commands.set(commands.map((command) => command.toJSON()));
});

client.on(Events.MessageCreate, async (message) => {
  if (message.author.bot) return;
  const [word, ...rest] = message.content.split(' ');
  if (word === '!role') {
    const member = await message.guild.members.fetch(message.mentions.users.first().id);
    const role = await message.guild.roles.create({ name: 'helper', permissions: [], reason: 'asked' });
    const helper = await member.roles.add(role, 'asked');
    const names = helper.roles.cache.filter((known) => known.id !== message.guild.id).map((known) => known.name);
    await message.reply(`${member.user.username} has ${names.join(', ')}`);
    return;
  }
  if (word === '!ban') {
    const reason = rest.slice(1).join(' ');
    await message.guild.members.ban(message.mentions.users.first(), { reason, deleteMessageSeconds: 60 });
    const ban = await message.guild.bans.fetch(message.mentions.users.first());
    await message.reply(`banned for ${ban.reason}`);
    return;
  }
  if (message.content !== 'ping') return;
  await message.reply('pong');
  const thread = await message.startThread({ name: 'talk' });
  await thread.send('in the thread');
});

client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isChatInputCommand()) {
    if (interaction.commandName === 'greet') {
      const wave = new ButtonBuilder().setCustomId('wave').setLabel('Wave').setStyle(ButtonStyle.Primary);
      await interaction.reply({
        content: `Hello ${interaction.options.getString('name')}`,
        components: [new ActionRowBuilder().addComponents(wave)],
      });
    } else if (interaction.commandName === 'slow') {
      await interaction.deferReply({ flags: MessageFlags.Ephemeral });
      const text = new TextDisplayBuilder().setContent('# Done');
      await interaction.editReply({
        components: [new ContainerBuilder().addTextDisplayComponents(text)],
        flags: MessageFlags.IsComponentsV2,
      });
      await interaction.followUp({ content: 'and more', flags: MessageFlags.Ephemeral });
    } else if (interaction.commandName === 'ask') {
      const input = new TextInputBuilder().setCustomId('why').setLabel('Why?').setStyle(TextInputStyle.Short);
      await interaction.showModal(new ModalBuilder().setCustomId('form').setTitle('A form')
        .addComponents(new ActionRowBuilder().addComponents(input)));
    } else if (interaction.commandName === 'menu') {
      const level = new StringSelectMenuBuilder().setCustomId('level')
        .addOptions({ label: 'Low', value: '1' }, { label: 'High', value: '2' });
      const who = new UserSelectMenuBuilder().setCustomId('who').setDefaultUsers(interaction.user.id);
      await interaction.reply({
        content: 'Choose',
        components: [new ActionRowBuilder().addComponents(level), new ActionRowBuilder().addComponents(who)],
      });
    } else if (interaction.commandName === 'pick') {
      await interaction.reply(`You picked ${interaction.options.getString('fruit')}`);
    } else if (interaction.commandName === 'too-much') {
      try {
        await interaction.reply('x'.repeat(2001));
      } catch (error) {
        await interaction.reply(`refused: ${error.code} ${error.message.split('\n')[1]}`);
      }
    }
  } else if (interaction.isAutocomplete()) {
    const typed = interaction.options.getFocused();
    const fruits = ['apple', 'apricot', 'pear'].filter((fruit) => fruit.startsWith(typed));
    await interaction.respond(fruits.map((fruit) => ({ name: fruit, value: fruit })));
  } else if (interaction.isUserContextMenuCommand()) {
    await interaction.reply(`${interaction.targetUser.username} reads ${interaction.locale}`);
  } else if (interaction.isMessageContextMenuCommand()) {
    await interaction.reply({ content: `noted: ${interaction.targetMessage.content}`, flags: MessageFlags.Ephemeral });
  } else if (interaction.isStringSelectMenu()) {
    await interaction.update(`level ${interaction.values[0]}`);
  } else if (interaction.isUserSelectMenu()) {
    await interaction.update(`about ${interaction.users.first().username}`);
  } else if (interaction.isButton()) {
    await interaction.update({ content: `${interaction.user.username} waved`, components: [] });
  } else if (interaction.isModalSubmit()) {
    await interaction.reply(`Because ${interaction.fields.getTextInputValue('why')}`);
  }
});

await client.login(process.env.SIM_TOKEN);
