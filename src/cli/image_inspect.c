/* An image in the shape of `docker image inspect`. */
#include "base/json.h"
#include "base/when.h"
#include "cli/image.h"

static json_t *text(const char *s)
{
	return json_string(s ? s : "");
}

/* The configuration itself, as it was written, with docker's empty members filled. */
static json_t *config_of(const struct image *img)
{
	auto_json *doc = NULL;
	struct err e;
	static const struct {
		const char *name;
		bool is_text;
	} always[] = {{"Cmd"},     {"Entrypoint"}, {"Env"},     {"Labels"},
		      {"OnBuild"}, {"User", true}, {"Volumes"}, {"WorkingDir", true}};
	json_t *config = NULL;

	if (!json_read(img->config_json.p, img->config_json.n, &doc, &e))
		config = json_deep_copy(json_object_get(doc, "config"));
	if (!json_is_object(config)) {
		json_decref(config);
		config = json_object();
	}
	for (size_t i = 0; i < countof(always); i++) {
		if (!json_object_get(config, always[i].name))
			json_object_set_new(config, always[i].name,
					    always[i].is_text ? json_string("") : json_null());
	}
	return config;
}

static json_t *graph_driver(struct cli *c, const struct image *img)
{
	auto_buf lower = {0};

	for (size_t i = 1; i < img->layers.n; i++)
		buf_printf(&lower, "%s%s", lower.n ? ":" : "", img->layers.v[i]);
	json_t *data = json_object();

	if (lower.n)
		json_object_set_new(data, "LowerDir", json_string(lower.p));
	if (img->layers.n)
		json_object_set_new(data, "UpperDir", json_string(img->layers.v[0]));
	return json_pack("{s:s, s:o}", "Name", "overlay2", "Data", data);
}

json_t *image_inspect_json(struct cli *c, const struct image *img)
{
	char tagged[40] = "0001-01-01T00:00:00Z";
	json_t *j;

	if (img->tagged_ns)
		when_rfc3339(img->tagged_ns, tagged);
	j = json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:I, "
		      "s:o, s:{s:s, s:o}}",
		      "Id", img->id, "RepoTags", json_words(&img->names), "RepoDigests",
		      json_words(&img->digests), "Parent", "", "Comment", "", "Created",
		      text(img->created), "DockerVersion", "", "Author",
		      img->author ? img->author : "", "Config", config_of(img), "Architecture",
		      text(img->architecture), "Os", text(img->os), "GraphDriver",
		      graph_driver(c, img), "Size", (json_int_t)img->size, "Metadata",
		      json_pack("{s:s}", "LastTagTime", tagged), "RootFS", "Type", "layers",
		      "Layers", json_words(&img->diff_ids));

	if (img->variant)
		json_object_set_new(j, "Variant", json_string(img->variant));
	return j;
}
