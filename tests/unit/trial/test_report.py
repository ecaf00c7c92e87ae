"""A report holds what the structure is made of, and no text beside."""

from listener.trial.report import written

DUMP = """
SET client_encoding = 'UTF8';
CREATE TYPE public.level AS ENUM ('beginner', 'Anna''s own');
CREATE TABLE public.people (
    id uuid DEFAULT '0a1b2c3d-0000-4000-8000-000000000000'::uuid NOT NULL,
    status text DEFAULT 'zugelassen'::text NOT NULL,
    mail text DEFAULT 'anna@example.org'::text,
    since date DEFAULT '2020-01-01'::date,
    more jsonb DEFAULT '{"by": "Anna"}'::jsonb,
    at interval DEFAULT '1 day'::interval,
    CONSTRAINT kinds CHECK ((kind = ANY (ARRAY['gast'::text, 'student'::text])))
);
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $_$
begin
    -- Anna's idea
    if new.status = 'zugelassen' and new.name <> 'Anna' and new.kind = 'aluno' then
        raise exception 'Ask Anna: %', 'people';
    end if;
end $_$;
CREATE POLICY "Anna sees all" ON public.people USING (name = 'Anna');
"""


def test_texts_that_are_no_words_of_the_structure_are_masked_alike() -> None:
    text = written(DUMP, {"student_values": "student", "student_predicate": "name = 'Anna'"})
    kept = ("'beginner'", "'zugelassen'", "'gast'", "'student'", "'aluno'", "'people'", "'2020-01-01'", "'1 day'")
    for each in kept:
        assert each in text
    assert "more jsonb DEFAULT '{}'::jsonb" in text
    for each in ("idea", "Ask", "example.org", "0a1b2c3d", "Anna sees", "<> 'Anna'", "UTF8"):
        assert each not in text
    masked = text.partition("LISTENER_STUDENT_PREDICATE=name = ")[2].partition("\n")[0]
    assert f"new.name <> {masked} " in text
    assert f"USING (name = {masked})" in text
    assert "CREATE POLICY policy_" in text
