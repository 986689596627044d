"""Writes the id lists that tests/unit/media_text.c compares with, to tests/unit/wordpiece.def.
usage: python3 tests/media/wordpiece.py >tests/unit/wordpiece.def    needs tokenizers 0.23
"""
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

VOCAB = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'the', 'river', 'is', 'deep', '##er', '##s', 'un', '##want', '##ed', 'run', '##ning',
         ',', '.', '!', "'", '-', '\u4e2d', '\u6587', 'cafe', 'caf\u00e9', 'Caf\u00e9', 'caf\u00c9', 'CAF\u00c9', 'a', '##a', '##b',
         '1', '##2', '##3', '\u00df', 'strasse', 'stra\u00dfe', '\u00a7', '\u2026', '\u3042', '##\u3044', 'i', 'I', 'T', '##he', 'x',
         '\u0438', '\u0439', '##\u0439', '$', '##.', '\u00bf', 'que', 'qu\u00e9', '\ud55c', '\u1112\u1161\u11ab', 'aa', 'sigma',
         '\u03c3', '##\u03c3', '##\u03c2', '\U0001f600', '[', ']', 'cls']
TEXTS = ['the rivers is deeper', 'UNwanted running, the River!', 'The Caf\u00e9. CAF\u00c9 cafe\u0301', '\u4e2d\u6587the\u4e2d',
         'a\u00a0a\u2003a\u3000a\ta\r\na', 'a\u200ba a\u0000a a\ufffda a\u00ada', "is'nt is'a-x $1 123 12 1.2", 'Stra\u00dfe stra\u00dfe \u00a7\u2026',
         '\u3042\u3044 \u3042\u3042', '\u0130I\u0131i', '\u0418\u0306 \u0439 \u0438\u0439', '\u00bfQu\u00e9?', '\ud55c \u1112\u1161\u11ab',
         'a' * 100, 'a' * 101, '\u03a3\u03c3\u03c2 SIGMA', '\U0001f600 \U0001f601', '', '   ', '[CLS]', 'a\u0300a\u0300', '\ue000a\U000f0000a a\u0378a \ufdd0',
         'x\u0301' * 100, '\uff0cthe\u3002']


def c(s):
    return '"' + ''.join(f'\\{b:03o}' if b < 32 or b > 126 or chr(b) in '"\\?' else chr(b) for b in s.encode()) + '"'


def main():
    print('/* VOCAB(text), TEXT(lower, strip accents, text, its bytes, ids...): by tests/media/wordpiece.py. */')
    print('VOCAB(' + '\n      '.join(c(v + '\n') for v in VOCAB) + ')')
    for lower, strip in ((True, True), (False, False), (True, False), (False, True)):
        t = Tokenizer(models.WordPiece({v: i for i, v in enumerate(VOCAB)}, unk_token='[UNK]'))
        t.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=strip)
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        t.post_processor = processors.TemplateProcessing('[CLS] $A [SEP]', special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
        for text in TEXTS:
            ids = t.encode(text).ids
            print(f'TEXT({int(lower)}, {int(strip)}, {c(text)}, {len(text.encode())}, ' + ', '.join(map(str, ids)) + ')')


main()
