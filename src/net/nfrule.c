#include "net/nfrule.h"
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

static void put32(struct nlmsghdr *h, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(h, type, htonl(value));
}

static void put_data(struct nlmsghdr *h, uint16_t type, const void *p, size_t n)
{
	struct nlattr *data = mnl_attr_nest_start(h, type);

	mnl_attr_put(h, NFTA_DATA_VALUE, n, p);
	mnl_attr_nest_end(h, data);
}

void nfrule_table(struct nfnl_batch *b, int family, const char *table)
{
	struct nlmsghdr *h = nfnl_change(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family);

	mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
	nfnl_finish(b, h);
}

void nfrule_chain(struct nfnl_batch *b, int family, const char *table, const char *chain,
		  const struct nfrule_hook *hook)
{
	struct nlmsghdr *h = nfnl_change(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family);
	struct nlattr *at;

	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chain);
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, hook->type);
	put32(h, NFTA_CHAIN_POLICY, NF_ACCEPT);
	at = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
	put32(h, NFTA_HOOK_HOOKNUM, hook->hook);
	put32(h, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
	mnl_attr_nest_end(h, at);
	nfnl_finish(b, h);
}

void nfrule_set(struct nfnl_batch *b, const struct nfrule_set *s)
{
	struct nlmsghdr *h = nfnl_change(b, NFT_MSG_NEWSET, NLM_F_CREATE, s->set.family);

	mnl_attr_put_strz(h, NFTA_SET_TABLE, s->set.table);
	mnl_attr_put_strz(h, NFTA_SET_NAME, s->set.set);
	put32(h, NFTA_SET_FLAGS, 0);
	put32(h, NFTA_SET_KEY_TYPE, s->type);
	put32(h, NFTA_SET_KEY_LEN, s->key);
	put32(h, NFTA_SET_ID, s->number);
	mnl_attr_put(h, NFTA_SET_USERDATA, s->n, s->note);
	nfnl_finish(b, h);
}

static void put_meta(struct nlmsghdr *h, const struct nfrule *x)
{
	put32(h, NFTA_META_KEY, x->a);
	put32(h, NFTA_META_DREG, x->reg);
}

static void put_payload(struct nlmsghdr *h, const struct nfrule *x)
{
	put32(h, NFTA_PAYLOAD_DREG, x->reg);
	put32(h, NFTA_PAYLOAD_BASE, x->a);
	put32(h, NFTA_PAYLOAD_OFFSET, x->b);
	put32(h, NFTA_PAYLOAD_LEN, (uint32_t)x->n);
}

static void put_mask(struct nlmsghdr *h, const struct nfrule *x)
{
	static const char zero[16];

	put32(h, NFTA_BITWISE_SREG, x->reg);
	put32(h, NFTA_BITWISE_DREG, x->reg);
	put32(h, NFTA_BITWISE_LEN, (uint32_t)x->n);
	put_data(h, NFTA_BITWISE_MASK, x->data, x->n);
	put_data(h, NFTA_BITWISE_XOR, zero, x->n);
}

static void put_compare(struct nlmsghdr *h, const struct nfrule *x)
{
	put32(h, NFTA_CMP_SREG, x->reg);
	put32(h, NFTA_CMP_OP, x->kind == RULE_EQUAL ? NFT_CMP_EQ : NFT_CMP_NEQ);
	put_data(h, NFTA_CMP_DATA, x->data, x->n);
}

static void put_lookup(struct nlmsghdr *h, const struct nfrule *x)
{
	put32(h, NFTA_LOOKUP_SREG, x->reg);
	mnl_attr_put_strz(h, NFTA_LOOKUP_SET, x->data);
	put32(h, NFTA_LOOKUP_SET_ID, x->a);
	put32(h, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

static void put_verdict(struct nlmsghdr *h, const struct nfrule *x)
{
	struct nlattr *data, *verdict;

	put32(h, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(h, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
	put32(h, NFTA_VERDICT_CODE, x->kind == RULE_ACCEPT ? NF_ACCEPT : NF_DROP);
	mnl_attr_nest_end(h, verdict);
	mnl_attr_nest_end(h, data);
}

static void put_expression(struct nlmsghdr *h, const struct nfrule *x)
{
	/* clang-format off */
	static const struct {
		const char *name;
		void (*put)(struct nlmsghdr *h, const struct nfrule *x);
	} kinds[] = {
		[RULE_META] = {"meta", put_meta},       [RULE_PAYLOAD] = {"payload", put_payload},
		[RULE_MASK] = {"bitwise", put_mask},    [RULE_EQUAL] = {"cmp", put_compare},
		[RULE_UNLIKE] = {"cmp", put_compare},   [RULE_NOT_IN] = {"lookup", put_lookup},
		[RULE_ACCEPT] = {"immediate", put_verdict}, [RULE_DROP] = {"immediate", put_verdict},
	};
	/* clang-format on */
	struct nlattr *elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM), *data;

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, kinds[x->kind].name);
	data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	kinds[x->kind].put(h, x);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, elem);
}

void nfrule_add(struct nfnl_batch *b, int family, const char *table, const char *chain,
		const struct nfrule *rule)
{
	struct nlmsghdr *h = nfnl_change(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family);
	struct nlattr *list;

	mnl_attr_put_strz(h, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chain);
	list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	for (; rule->kind != RULE_END; rule++)
		put_expression(h, rule);
	mnl_attr_nest_end(h, list);
	nfnl_finish(b, h);
}
