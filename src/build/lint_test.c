#include "build/lint.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int no_image(void *arg, const char *ref, const char *platform, struct image **out,
		    struct err *e)
{
	*out = NULL;
	return 0;
}

/* How often the rule speaks of the file. */
static int count(const char *rule, const char *text)
{
	auto_arena a = {0};
	struct dockerfile d;
	struct recipe r;
	struct graph g = {0};
	struct graph_input in = {.platform = "linux/amd64",
				 .build_platform = "linux/amd64",
				 .image = no_image,
				 .arg = &a};
	struct strings lines = {0};
	struct ignore ignore;
	struct lint l;
	struct err e;
	int n = 0;

	*vec_push(&a, &lines) = "hidden";
	assert_int_equal(ignore_make(&a, &lines, &ignore, &e), 0);
	if (dockerfile_parse(&a, "f", span_of(text), &d, &e) < 0 || recipe_read(&a, &d, &r, &e) < 0)
		fail_msg("%s: %s\n%s", rule, e.why, text);
	/* A graph that was left half way is advised on, too. */
	e.code = graph_make(&a, &r, &in, &g, &e);
	lint_run(&a, &r, &g, &(struct lint_options){&ignore, true}, &l);
	vec_each(f, &l)
		n += !strcmp(f->rule, rule);
	return n;
}

#define F "FROM a:1\n"
/* clang-format off */
static const struct {
	const char *rule, *bad, *good;
} rows[] = {
	/* BuildKit's */
	{"StageNameCasing", "FROM a AS B\n", "FROM a AS b\n"},
	{"FromAsCasing", "FROM a as b\n", "from a as b\n"},
	{"NoEmptyContinuation", F "RUN a \\\n\n  b\n", F "RUN a \\\n  b\n"},
	{"ConsistentInstructionCasing", F "run a\nRUN b\n", "from a\nrun b\n"},
	{"DuplicateStageName", "FROM a AS b\nFROM a AS b\n", "FROM a AS b\nFROM a AS c\n"},
	{"ReservedStageName", "FROM a AS context\n", "FROM a AS contexts\n"},
	{"JSONArgsRecommended", F "CMD x\n", F "CMD [\"x\"]\n"},
	{"JSONArgsRecommended", F "ENTRYPOINT x\n", F "SHELL [\"s\"]\nENTRYPOINT x\n"},
	{"MaintainerDeprecated", F "MAINTAINER x\n", F "LABEL maintainer=x\n"},
	{"UndefinedArgInFrom", "FROM a:$X\n", "ARG X=1\nFROM a:$X\n"},
	{"UndefinedVar", F "LABEL a=$X\n", F "ARG X\nLABEL a=$X\n"},
	{"WorkdirRelativePath", F "WORKDIR x\n", F "WORKDIR /w\nWORKDIR x\n"},
	{"MultipleInstructionsDisallowed", F "CMD [\"x\"]\nCMD [\"y\"]\n", F "CMD [\"x\"]\nFROM b\nCMD [\"y\"]\n"},
	{"LegacyKeyValueFormat", F "ENV a b\n", F "ENV a=b\n"},
	{"RedundantTargetPlatform", "FROM --platform=$TARGETPLATFORM a\n", "FROM --platform=$BUILDPLATFORM a\n"},
	{"SecretsUsedInArgOrEnv", F "ARG AWS_SECRET\n", F "ARG PUBLIC_KEY\n"},
	{"InvalidDefaultArgInFrom", "ARG T\nFROM a:$T\n", "ARG T=1\nFROM a:$T\n"},
	{"FromPlatformFlagConstDisallowed", "FROM --platform=linux/arm64 a AS x\n", "FROM --platform=linux/arm64 a AS x-arm64\n"},
	{"CopyIgnoredFile", "# check=experimental=all\n" F "COPY hidden /x\n", "# check=experimental=all\n" F "COPY shown /x\n"},
	{"CopyIgnoredFile", "# check=experimental=CopyIgnoredFile\n" F "ADD hidden/x /x\n", F "COPY hidden /x\n"},
	{"InvalidDefinitionDescription", "# check=experimental=all\n\n# what\nFROM a AS b\n", "# check=experimental=all\n\n# b what\nFROM a AS b\n"},
	{"InvalidDefinitionDescription", "# check=experimental=all\n" F "# other\nARG x\n", "# check=experimental=all\n" F "# x other\n\nARG x\n"},
	{"ExposeProtoCasing", F "EXPOSE 80/TCP\n", F "EXPOSE 80/tcp\n"},
	{"ExposeInvalidFormat", F "EXPOSE 127.0.0.1:80:80\n", F "EXPOSE 80\n"},
	/* hadolint's */
	{"DL3001", F "RUN service nginx start\n", F "RUN echo service\n"},
	{"DL3002", F "USER x\nUSER root\n", F "USER root\nUSER x\n"},
	{"DL3003", F "RUN cd /x && make\n", F "RUN echo cd\n"},
	{"DL3004", F "RUN sudo x\n", F "RUN x --sudo\n"},
	{"DL3006", "FROM a\n", "FROM a:1 AS b\nFROM b\n"},
	{"DL3007", "FROM a:latest\n", "FROM a:1\n"},
	{"DL3008", F "RUN apt-get install -y -t x curl\n", F "RUN apt-get install -y curl=7.1\n"},
	{"DL3009", F "RUN apt-get update\n", F "RUN apt-get update && rm -rf /var/lib/apt/lists/*\n"},
	{"DL3009", F "RUN apt-get update\n", F "RUN --mount=type=cache,target=/var/lib/apt apt-get update\n"},
	{"DL3010", F "COPY x.tar.gz /\nRUN tar xf /x.tar.gz\n", F "COPY x.tar.gz /\n"},
	{"DL3011", F "EXPOSE 80000\n", F "EXPOSE 65535\n"},
	{"DL3013", F "RUN pip install django\n", F "RUN pip install django==1.2 && pip install -r x\n"},
	{"DL3014", F "RUN apt-get install x=1\n", F "RUN apt-get install -qqy x=1\n"},
	{"DL3015", F "RUN apt-get install -y x=1\n", F "RUN apt-get install -y --no-install-recommends x=1\n"},
	{"DL3016", F "RUN npm install -g express\n", F "RUN npm install -g express@4 @a/b@1\n"},
	{"DL3016", F "RUN npm install @a/b\n", F "RUN npm install\n"},
	{"DL3018", F "RUN apk add --no-cache curl\n", F "RUN apk add --no-cache curl=7\n"},
	{"DL3019", F "RUN apk add x=1\n", F "RUN apk add --no-cache x=1\n"},
	{"DL3020", F "ADD x /y\n", F "ADD x.tar.gz /y\n"},
	{"DL3021", F "COPY a b /c\n", F "COPY a b /c/\n"},
	{"DL3022", F "COPY --from=x a b\n", F "COPY --from=x:1 a b\n"},
	{"DL3023", "FROM a AS b\nCOPY --from=b c d\n", "FROM a AS b\nFROM b\nCOPY --from=b c d\n"},
	{"DL3027", F "RUN apt install x\n", F "RUN apt-get install x\n"},
	{"DL3028", F "RUN gem install x\n", F "RUN gem install x:1\n"},
	{"DL3029", "FROM --platform=linux/arm64 a\n", "FROM --platform=$BUILDPLATFORM a\n"},
	{"DL3030", F "RUN yum install x\n", F "RUN yum install -y x\n"},
	{"DL3032", F "RUN yum install -y x\n", F "RUN yum install -y x && yum clean all\n"},
	{"DL3033", F "RUN yum install -y httpd\n", F "RUN yum install -y httpd-2.24\n"},
	{"DL3034", F "RUN zypper install x\n", F "RUN zypper -n install x\n"},
	{"DL3035", F "RUN zypper dup\n", F "RUN zypper up\n"},
	{"DL3036", F "RUN zypper install -y x\n", F "RUN zypper install -y x && zypper clean\n"},
	{"DL3037", F "RUN zypper install -y x\n", F "RUN zypper install -y x=1\n"},
	{"DL3038", F "RUN dnf install x\n", F "RUN dnf install -y x\n"},
	{"DL3040", F "RUN dnf install -y x\n", F "RUN dnf install -y x && dnf clean all\n"},
	{"DL3041", F "RUN dnf install -y x\n", F "RUN dnf install -y x-1.2\n"},
	{"DL3042", F "RUN pip3 install x==1\n", F "RUN pip3 install --no-cache-dir x==1\n"},
	{"DL3044", F "ENV A=1 B=${A}2\n", F "ENV A=1 B=${AB}2\n"},
	{"DL3045", F "COPY x y\n", "FROM a AS b\nWORKDIR /w\nFROM b\nCOPY x y\n"},
	{"DL3046", F "RUN useradd -u 123456 x\n", F "RUN useradd -l -u 123456 x\n"},
	{"DL3047", F "RUN wget http://x\n", F "RUN wget -q http://x\n"},
	{"DL3048", F "LABEL Bad=x\n", F "LABEL org.x.good=x\n"},
	{"DL3059", F "RUN a\nRUN b\n", F "RUN a\nCOPY x /\nRUN b\n"},
	{"DL3060", F "RUN yarn install\n", F "RUN yarn install && yarn cache clean\n"},
	{"DL4001", F "RUN wget -q x\nRUN curl x\n", F "RUN curl x\nRUN curl y\n"},
	{"DL4005", F "RUN ln -sf /bin/bash /bin/sh\n", F "RUN ln -s /a /b\n"},
	{"DL4006", F "RUN a | b\n", F "RUN a || b\n"},
	{"DL4006", F "RUN a | b\n", F "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN a | b\n"},
	/* silenced */
	{"DL3006", "FROM a\n", "# hadolint ignore=DL3006\nFROM a\n"},
	{"DL3006", "FROM a\n", "# hadolint global ignore=DL3006,DL3008\n\nFROM a\n"},
	{"DL3006", "FROM a\n", "# check=skip=DL3006\nFROM a\n"},
	{"JSONArgsRecommended", F "CMD x\n", F "# hadolint ignore=DL3025\nCMD x\n"},
	{"JSONArgsRecommended", F "CMD x\n", "# check=skip=all\n" F "CMD x\n"},
};
/* clang-format on */

static void says_what_is_wrong_and_no_more(void **state)
{
	for (size_t i = 0; i < countof(rows); i++) {
		if (count(rows[i].rule, rows[i].bad) != 1)
			fail_msg("%s says %d times: %s", rows[i].rule,
				 count(rows[i].rule, rows[i].bad), rows[i].bad);
		if (count(rows[i].rule, rows[i].good))
			fail_msg("%s complains of: %s", rows[i].rule, rows[i].good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_wrong_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
