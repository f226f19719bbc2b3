/*
 * x-berth.env: what the project asks of its environment, as a subset of JSON Schema over the
 * variables that interpolation sees. Checked by `berth env check` and before `up`.
 *
 *   required, dependentRequired, properties: {NAME: {type, enum, const, pattern, minLength,
 *   maxLength, minimum, maximum, format, secret, forbid, default, profile, description}},
 *   allOf: [...], if / then / else
 *
 * Values of secret variables are never part of a message.
 */
#pragma once
#include "compose/project.h"

/* Appends one sentence for each violation. An error means that the contract itself is wrong. */
int contract_check(struct arena *a, const struct project *p, const struct strings *profiles,
		   struct strings *out, struct err *e) must_check;
/* Appends what is no breach but likely a mistake: localhost where another service is meant, env
 * files with secrets that others can read. */
void contract_notes(struct arena *a, const struct project *p, struct strings *out);
/* A .env.example with every variable, its rules as comments. */
int contract_example(const struct project *p, struct buf *out, struct err *e) must_check;
