/* The man page and shell completions, from the table of commands. */
#pragma once
#include "cli/command.h"

void manual_man(FILE *out);
void manual_bash(FILE *out);
void manual_zsh(FILE *out);
void manual_fish(FILE *out);
