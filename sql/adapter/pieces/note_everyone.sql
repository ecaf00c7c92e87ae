perform listener.note_blindly('profiles', lower(tg_op), '00000');
