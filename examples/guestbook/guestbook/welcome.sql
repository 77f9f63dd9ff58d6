-- The first entries of a book that is only tried out.
insert into accounts (email, name)
select * from (values
    ('agnes@example.org', 'Agnes Holt'),
    ('tomas@example.org', 'Tomás Ferreira'),
    ('mei@example.org', 'Mei Tanaka'),
    ('ibrahim@example.org', 'İbrahim Şahin'),
    ('nora@example.org', 'Nora Lindqvist'),
    ('paul@example.org', 'Paul Okafor'),
    ('rosa@example.org', 'Rosa Klein')
) as guests
where not exists (select id from accounts);

insert into entries (account, text, picture, written)
select * from (values
    (1, 'We came for one night and stayed for four. The light in the hall at seven in the morning is worth the journey alone.', null, '2026-08-30T09:12:00+00:00'),
    (2, 'Obrigado for the soup, the umbrella and the argument about chess. I was right about the bishop.', null, '2026-09-06T17:40:00+00:00'),
    (3, 'A quiet house. I counted the panes every evening. There are seven, and not two of the same colour.', '/static/welcome/door.webp', '2026-09-14T08:05:00+00:00'),
    (4, 'The key turns to the left.
Everything else explains itself.', null, '2026-09-27T11:31:00+00:00'),
    (5, 'Tack för allt! The dog has asked me to write that he would like to come again, too.', null, '2026-10-04T15:22:00+00:00'),
    (6, 'Somebody before me wrote that the light in the hall is worth the journey. I had my doubts. Then the sun came up.', '/static/welcome/hall.webp', '2026-10-18T07:03:00+00:00'),
    (1, 'Back again, as promised. The stair that creaks still creaks. Please never mend it.', null, '2026-10-25T20:48:00+00:00'),
    (7, 'Three days of rain, two good books, one window seat.', '/static/welcome/sill.webp', '2026-11-08T16:15:00+00:00'),
    (3, 'I have brought plum jam. It is in the pantry, behind the flour, where Tomás will not look.', null, '2026-11-15T10:20:00+00:00'),
    (2, 'I looked behind the flour.', null, '2026-11-16T22:54:00+00:00')
) as first
where not exists (select * from sqlite_sequence where name = 'entries')
