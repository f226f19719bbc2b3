#include "base/json.h"
#include "cli/template.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char sample[] =
	"{\"Name\":\"web\",\"N\":3,\"On\":true,\"Empty\":\"\",\"Labels\":\"a=1,b=x y\","
	"\"Nets\":{\"front\":{\"IP\":\"10.0.0.2\"},\"back\":{\"IP\":\"10.1.0.2\"}},"
	"\"List\":[\"p\",\"q\"],\"State\":{\"Health\":{\"Status\":\"healthy\"}}}";

/* clang-format off */
static const struct {
	const char *text, *want;
} rows[] = {
	{"plain { } text", "plain { } text"},
	{"{{.Name}}", "web"},
	{"{{ .Name }}:{{.N}} {{.On}}", "web:3 true"},
	{"{{.State.Health.Status}}", "healthy"},
	{"{{.Absent.Deep}}|", "|"},
	{"{{json .List}}", "[\"p\",\"q\"]"},
	{"{{.List | json}}", "[\"p\",\"q\"]"},
	{"{{json .Absent}}", "null"},
	{"{{.List}} {{.State}}", "[p q] map[Health:map[Status:healthy]]"},
	{"{{upper .Name}} {{.Name | title | lower}}", "WEB web"},
	{"{{join .List \", \"}}", "p, q"},
	{"{{len .List}}{{len .Name}}", "23"},
	{"{{index .List 1}} {{index .Nets \"back\" \"IP\"}}", "q 10.1.0.2"},
	{"{{(index .Nets \"back\").IP}}", "10.1.0.2"},
	{"{{.Label \"b\"}}", "x y"},
	{"{{range .Nets}}{{.IP}} {{end}}", "10.0.0.2 10.1.0.2 "},
	{"{{range $k, $v := .Nets}}{{$k}}={{$v.IP}};{{end}}", "front=10.0.0.2;back=10.1.0.2;"},
	{"{{range .List}}<{{.}}{{$.N}}>{{end}}", "<p3><q3>"},
	{"{{range .Absent}}x{{else}}none{{end}}", "none"},
	{"{{if .On}}yes{{else}}no{{end}}{{if .Empty}}x{{end}}", "yes"},
	{"{{if eq .Name \"db\"}}1{{else if eq .Name \"web\"}}2{{else}}3{{end}}", "2"},
	{"{{if .Empty}}{{range .List}}x{{end}}{{else}}ok{{end}}", "ok"},
	{"{{with .State}}{{.Health.Status}}{{end}}", "healthy"},
	{"{{if and .On (not .Empty)}}t{{end}}{{or .Empty .Name}}", "tweb"},
	{"a {{- .Name -}} b", "awebb"},
	{"{{truncate .Name 2}}{{println .N}}", "we3\n"},
	{"{{index (split .Labels \",\") 0}}", "a=1"},
	{"{{$x := .Name}}{{$x}}", "web"},
	{"{{/* note */}}x", "x"},
	{"{{.Name", "template: \"{{\" without \"}}\""},
	{"{{range .List}}", "template: {{end}} is missing"},
	{"{{end}}", "template: {{end}} or {{else}} without a beginning"},
	{"{{nonsense .Name}}", "template: \"nonsense\" is not understood"},
	{"{{\"open}}", "a string in the template is not closed"},
	{"{{index .List}}", "template: index takes 2 argument(s)"},
};
/* clang-format on */

static void prints(void **state)
{
	auto_json *dot = json_loads(sample, 0, NULL);

	assert_non_null(dot);
	for (size_t i = 0; i < countof(rows); i++) {
		struct err e = {0};
		auto_buf b = {0};

		if (template_print(&b, rows[i].text, dot, &e) < 0)
			assert_string_equal(e.why, rows[i].want);
		else
			assert_string_equal(b.p ? b.p : "", rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(prints)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
